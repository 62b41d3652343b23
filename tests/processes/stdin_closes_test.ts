/** `serve --until-stdin-closes`: a server that ends with whoever has started it. */
import assert from "node:assert/strict";
import {
  posixTest,
  programTest,
  shellCommand,
  startProgram,
  startUsersvc,
  usersvc,
} from "../support/program.ts";
import { STARTED } from "../../tools/programs.ts";
import { finishCall, goaway, openSession, roundTrip, startCall } from "../support/raw_client.ts";
import { inTime } from "../support/waits.ts";
import { gone, isAlive, started, TWO } from "../support/workers.ts";

const SERVE = ["serve", "--host", "127.0.0.1", "--port", "0", "--until-stdin-closes"];

/** Starts a server whose stdin is a pipe that this process holds. */
async function startHeld(...flags: string[]) {
  const server = startUsersvc([...SERVE, ...flags], { stdin: "piped" });
  const [, port] = await server.stdout.until(STARTED);
  return { ...server, port: Number(port) };
}

programTest("the end of stdin drains a server, and a call in flight finishes", async () => {
  const server = await startHeld();
  const session = await openSession(server.port);
  const stream = startCall(session);
  await roundTrip(session);
  const heard = goaway(session);
  await server.feed("what is written there is of no interest\n");
  await roundTrip(session);
  await server.endInput();
  await inTime("GOAWAY", heard);
  assert.deepEqual(await finishCall(stream, "A"), { status: "0", message: "Привет, A!" });
  const { code, stderr } = await server.ended();
  assert.equal(code, 0);
  assert.match(stderr, /: stdin has closed: draining, [^]*: drained, every call has finished\n$/);
});

programTest("the log in JSON has it as the reason of the drain", async () => {
  const server = await startHeld("--log", "json");
  await server.endInput();
  const { code, stdout } = await server.ended();
  assert.equal(code, 0);
  assert.match(stdout, /"event":"draining",[^\n]*"reason":"stdin has closed"/);
});

posixTest("a signal after the end of stdin asks for the same; the second ends it", async () => {
  const server = await startHeld("--grace", "1m");
  const session = await openSession(server.port);
  const stream = startCall(session);
  stream.on("error", () => {});
  await roundTrip(session);
  const heard = goaway(session);
  await server.endInput();
  await inTime("GOAWAY", heard);
  server.kill("SIGTERM");
  await roundTrip(session);
  server.kill("SIGINT");
  const { code, stderr } = await server.ended();
  assert.equal(code, 128 + 2);
  assert.match(stderr, /SIGINT during the drain: ended at once, calls cut: 1\n$/);
});

programTest("without anyone who holds stdin a server drains at once", async () => {
  const { code, stderr } = await usersvc(SERVE);
  assert.equal(code, 0);
  assert.match(stderr, /: stdin has closed: draining/);
});

for (const flags of [[], TWO]) {
  posixTest(`a holder that is killed leaves no process behind: ${flags.join(" ")}`, async () => {
    // The shell becomes a program whose stdout is the pipe to the server.
    const serve = shellCommand([...SERVE, ...flags].join(" "));
    const line = `exec 3>&1 > >(exec ${serve} >&3); echo "pid $!" >&2; exec sleep 600`;
    const holder = startProgram("bash", ["-c", line]);
    const [, pid] = await holder.stderr.until(/^pid (\d+)$/m);
    const port = Number((await holder.stdout.until(STARTED))[1]);
    const workers = flags === TWO ? await started({ ...holder, port }, 2) : [];
    assert.ok([Number(pid), ...workers].every(isAlive));
    holder.kill("SIGKILL");
    await Promise.all([Number(pid), ...workers].map(gone));
    assert.match((await holder.ended()).stderr, /: stdin has closed: draining/);
  });
}
