/** Several `usersvc serve` processes, of which each can be restarted on its port. */
import assert from "node:assert/strict";
import { type Serve, startServe } from "../support/program.ts";
import { inTime } from "../support/waits.ts";

/** The line in a server's log for each call. */
const CALL = "Получен запрос";

/** A set of servers. */
interface Fleet extends AsyncDisposable {
  readonly ports: readonly number[];
  /** How many calls each server has logged since the start, its restarts included. */
  calls(): number[];
  /**
   * Stops one server with SIGTERM, starts it again, and waits until it is called again. Throws if
   * it did not drain.
   */
  restart(index: number): Promise<void>;
}

/**
 * Starts servers on free ports, which drain when they are disposed of.
 *
 * @param args returns the flags of each
 */
export async function startFleet(
  size: number,
  args: (index: number) => readonly string[],
): Promise<Fleet> {
  const servers = await Promise.all(
    Array.from({ length: size }, (_, index) => startServe(args(index))),
  );
  const ports = servers.map(({ port }) => port);
  const before = servers.map(() => 0);
  return {
    ports,
    calls: () => servers.map((server, index) => before[index]! + callsOf(server)),
    async restart(index) {
      const old = servers[index]!;
      await stopServer(old);
      before[index]! += callsOf(old);
      servers[index] = await startServe([...args(index), "--port", `${ports[index]}`]);
      await inTime("call after the restart", servers[index]!.stdout.until(new RegExp(CALL)));
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map(stopServer));
    },
  };
}

function callsOf(server: Serve): number {
  return server.stdout.text.split(CALL).length - 1;
}

async function stopServer(server: Serve): Promise<void> {
  server.kill("SIGTERM");
  const { code, stderr } = await server.ended();
  assert.equal(code, 0, stderr);
}
