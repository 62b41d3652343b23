/** The log under load, and under load without a reader. */
import assert from "node:assert/strict";
import { residentMb } from "../../tools/processes.ts";
import { posixServeTest, posixTest, Transcript } from "../support/program.ts";
import { finishCall, openSession, startCall } from "../support/raw_client.ts";
import { beforeDrain, calls, LONG_NAME, makeCalls, serveUnread } from "../support/logs.ts";

for (const format of ["text", "json"]) {
  posixServeTest(
    `ten thousand calls on a connection are logged once each: ${format}`,
    async (server) => {
      const name = (index: number) => `user ${index}`;
      const session = await openSession(server.port);
      await makeCalls(session, 10_000, name);
      session.close();
      server.kill("SIGTERM");
      const { stdout } = await server.ended();
      const logged = format === "json"
        ? calls(stdout).map(({ username }) => username)
        : [...stdout.matchAll(/^Получен запрос к методу GetUser от пользователя: (.*)$/gm)]
          .map(([, username]) => username);
      assert.deepEqual(logged.sort(), Array.from({ length: 10_000 }, (_, at) => name(at)).sort());
    },
    ["--log", format],
  );
}

for (const format of ["text", "json"]) {
  posixTest(`a log that nobody reads drops lines and counts them: ${format}`, async () => {
    const { child, stderr, port } = await serveUnread(["--log", format]);
    const session = await openSession(port);
    await makeCalls(session, 10_000, () => LONG_NAME);
    const before = Deno.build.os === "linux" ? await residentMb(child.pid) : 0;
    await makeCalls(session, 20_000, () => LONG_NAME);
    const after = Deno.build.os === "linux" ? await residentMb(child.pid) : 0;
    // 20,000 lines that are kept would be 6 MB of text alone, and their calls some more.
    assert.ok(after - before < 64, `${before} -> ${after} MB`);

    const stdout = new Transcript(child.stdout);
    const told = /(\d+) lines of the log [^\n]*dropped[^\n]*\n/;
    const dropped = Number((await (format === "json" ? stdout : stderr).until(told))[1]);
    assert.ok(dropped > 10_000, `${dropped} dropped`);
    await makeCalls(session, 1, () => "afterwards");
    session.close();
    child.kill("SIGTERM");
    assert.equal((await child.status).code, 0);

    const lines = (await stdout.all()).trimEnd().split("\n");
    const received = lines.filter((line) => line.includes(LONG_NAME)).length;
    assert.equal(received + dropped, 30_000);
    assert.equal(lines.filter((line) => line.includes("afterwards")).length, 1);
    if (format === "text") {
      return assert.match(await beforeDrain(stderr), /^[^\n]*dropped[^\n]*\n$/);
    }
    assert.equal(await stderr.all(), "");
    const note = lines.findIndex((line) => line.includes("log_dropped"));
    assert.equal(JSON.parse(lines[note]!).count, dropped);
    assert.equal(note, received, "the note is not where the lines are missing");
  });
}

posixTest("a reader that never reads does not hold up the end", async () => {
  const { child, stderr, port } = await serveUnread([]);
  const session = await openSession(port);
  await makeCalls(session, 10_000, () => LONG_NAME);
  session.close();
  child.kill("SIGTERM");
  assert.equal((await child.status).code, 0);
  const [, lost] = /nobody reads stdout: up to (\d+) lines of the log are lost\n$/
    .exec(await stderr.all())!;
  await child.stdout.cancel();
  assert.ok(Number(lost) > 9_000 && Number(lost) <= 10_000, `${lost} lost`);
});

for (const format of ["text", "json"]) {
  posixServeTest(`no line is lost when SIGTERM comes under load: ${format}`, async (server) => {
    const session = await openSession(server.port);
    const answered: string[] = [];
    const { promise: warm, resolve } = Promise.withResolvers<void>();
    const caller = async (number: number) => {
      for (let index = 0; !session.closed && !session.destroyed; index++) {
        const name = `user ${number}-${index}`;
        // The calls after the GOAWAY cannot be made; what counts is what was answered.
        const answer = await finishCall(startCall(session), name).catch(() => undefined);
        if (answer?.status !== "0") return;
        answered.push(name);
        if (answered.length === 2_000) resolve();
      }
    };
    const callers = Array.from({ length: 50 }, (_, number) => caller(number).catch(() => {}));
    await warm;
    server.kill("SIGTERM");
    await Promise.all(callers);
    const { code, stdout } = await server.ended();
    assert.equal(code, 0);
    const logged = new Set(stdout.match(/user \d+-\d+/g));
    assert.deepEqual(answered.filter((name) => !logged.has(name)), []);
  }, ["--log", format]);
}
