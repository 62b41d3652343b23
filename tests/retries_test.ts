/** What --retries makes of servers that are killed. */
import assert from "node:assert/strict";
import { posixTest, spawnUsersvc, startServe, Transcript } from "./program.ts";

/** How many names a batch greets. */
const NAMES = 4_000;

for (const servers of [2, 3]) {
  posixTest(
    `a server that is killed costs no call where others answer and calls are retried (1 of ${servers})`,
    async () => {
      for (let round = 0; round < 3; round++) {
        const running = await Promise.all(Array.from({ length: servers }, () => startServe()));
        const address = "ipv4:" + running.map(({ port }) => `127.0.0.1:${port}`).join(",");
        const child = spawnUsersvc(["call", "-", "--address", address, "--retries", "3"], {
          stdin: "piped",
        });
        const stdout = new Transcript(child.stdout), stderr = new Transcript(child.stderr);
        const names = Array.from({ length: NAMES }, (_, index) => `${index}\n`).join("");
        const sent = new Blob([names]).stream().pipeTo(child.stdin);
        await stdout.lines(200 + round * 1_000);
        const victim = running[round % servers]!;
        victim.kill("SIGKILL");
        await sent;
        const { code } = await child.status;
        assert.equal(await stderr.all(), "");
        assert.equal(
          await stdout.all(),
          Array.from({ length: NAMES }, (_, index) => `Привет, ${index}!\n`).join(""),
        );
        assert.equal(code, 0);
        for (const server of running) {
          if (server !== victim) server.kill("SIGKILL");
          await server.ended();
        }
      }
    },
  );
}

posixTest("a server that is killed makes its calls in flight UNAVAILABLE", async () => {
  const server = await startServe();
  const child = spawnUsersvc(["call", "-", "--port", `${server.port}`, "--json"], {
    stdin: "piped",
  });
  const stdout = new Transcript(child.stdout);
  const names = Array.from({ length: NAMES }, (_, index) => `${index}\n`).join("");
  const sent = new Blob([names]).stream().pipeTo(child.stdin);
  await stdout.lines(500);
  server.kill("SIGKILL");
  await sent;
  assert.equal((await child.status).code, 78);
  const lines = (await stdout.all()).trimEnd().split("\n");
  assert.equal(lines.length, NAMES);
  for (const line of lines) {
    const { error } = JSON.parse(line);
    assert.equal(error?.code ?? "UNAVAILABLE", "UNAVAILABLE", line);
  }
  await server.ended();
});
