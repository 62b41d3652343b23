/** Scrapes the metrics while workers die, hang and are recycled. Loopback only, bounded in time. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { oneCallEach } from "../support/one_call.ts";
import { posixServeTest, type Serve } from "../support/program.ts";

/** What can become of a worker, in turn. */
const FATES: readonly Deno.Signal[][] = [["SIGKILL"], ["SIGTERM"], ["SIGSTOP", "SIGCONT"], [
  "SIGSTOP",
  "SIGKILL",
]];

/** The series of a text that may only rise: those of counters and histograms. */
async function counts(url: string): Promise<Map<string, number>> {
  const text = await (await fetch(url)).text();
  const rising = [...text.matchAll(/^# TYPE (\S+) (?:counter|histogram)$/gm)].map(([, name]) =>
    name!
  );
  return new Map(
    text.split("\n").filter((line) => rising.some((name) => line.startsWith(name)))
      .map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]),
  );
}

/** Does to the workers that serve what can become of one, one after another. */
async function meddle({ stderr }: Serve, untilMs: number): Promise<void> {
  for (let round = 0; performance.now() < untilMs; round++) {
    const started = [...stderr.text.matchAll(/\(process (\d+)\) has started\n/g)];
    const pid = Number(started.at(-1)![1]);
    for (const signal of FATES[round % FATES.length]!) {
      try {
        Deno.kill(pid, signal);
      } catch {
        // It has already ended.
      }
      await sleep(700);
    }
  }
}

posixServeTest(
  "no count goes down or is too high while workers die, hang and are recycled",
  async (server) => {
    const [, url] = await server.stderr.until(/metrics are served at (http:\S+)\n/);
    await server.stderr.until(/(?:[^]*?has started\n){2}/);
    const load = oneCallEach(server.port, 100);
    let before = await counts(url!);
    const look = async () => {
      for (const after of await Promise.all([counts(url!), counts(url!)])) {
        assert.ok(after.size > 20, `${after.size} series`);
        for (const [name, value] of before) {
          assert.ok(after.get(name)! >= value, `${name}: ${value}, then ${after.get(name)}`);
        }
      }
      before = await counts(url!);
    };
    const untilMs = performance.now() + 12_000;
    const meddling = meddle(server, untilMs);
    let scrapes = 0;
    for (; performance.now() < untilMs; scrapes++) await look();
    await meddling;
    const { answered, refused, lost, hanging } = await load.stop();
    await look();
    const [, started] = [...before].find(([name]) => name.startsWith("grpc_server_started_total"))!;
    console.log(
      `${scrapes} scrapes, ${answered} calls answered, ${lost} lost, ${started} counted`,
    );
    // A worker that has gone deaf would make each of them wait for 1 s.
    assert.ok(scrapes > 40, `${scrapes} scrapes`);
    assert.ok(answered > 300, `${answered} answered`);
    assert.equal(refused + hanging, 0);
    assert.ok(started <= answered + lost, `${started} of ${answered + lost} calls`);
    assert.ok(started > answered / 2, `${started} of ${answered} calls`);
  },
  ["--workers", "2", "--metrics-port", "0"],
);
