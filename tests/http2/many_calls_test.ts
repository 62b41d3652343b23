import assert from "node:assert/strict";
import { Socket } from "node:net";
import { parseTarget } from "../../src/client/target.ts";
import { serveTest } from "../support/program.ts";

/** Counts how often sockets of this process write while something happens. */
async function writesDuring(act: () => Promise<unknown>): Promise<number> {
  const { _write, _writev } = Socket.prototype;
  let writes = 0;
  Socket.prototype._write = function (...args) {
    writes++;
    _write.apply(this, args);
  };
  Socket.prototype._writev = function (...args) {
    writes++;
    _writev!.apply(this, args);
  };
  try {
    await act();
  } finally {
    Object.assign(Socket.prototype, { _write, _writev });
  }
  return writes;
}

/** A client whose connection is open. */
async function openClient(port: number) {
  const target = parseTarget(`127.0.0.1:${port}`)!;
  const connection = { target, wait: false, retries: 0, headers: [] };
  const { openUserClient } = await import("../../src/client/user_client.ts");
  const { getUser, close } = await openUserClient(connection);
  const call = () => getUser("Alice", { timeoutMs: 10_000 });
  assert.equal(await call(), "Привет, Alice!");
  return { call, close };
}

serveTest(
  "calls that begin in one turn of the event loop leave with few system calls",
  async ({ port }) => {
    const { call, close } = await openClient(port);
    const writes = await writesDuring(() => Promise.all(Array.from({ length: 16 }, call)));
    close();
    assert.ok(writes <= 4, `${writes} writes`);
  },
);
