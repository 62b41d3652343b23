/** Checks the metrics of usersvc beside those of go-grpc-prometheus on grpc-go. */
import assert from "node:assert/strict";
import { goProgram } from "../support/go.ts";
import { runProgram, serveTest } from "../support/program.ts";

/** What a Go server has counted that has answered one call with each status code. */
async function countedByGo(): Promise<string> {
  const { code, stdout, stderr } = await runProgram(await goProgram("metrics_server"), []);
  assert.equal(code, 0, stderr);
  return stdout;
}

/** The series that both have, by name and labels; the buckets of a histogram are each one's own. */
function seriesOf(text: string): string[] {
  const series =
    /^(grpc_server_(?:started_total|handled_total|handling_seconds_(?:sum|count)))\{(.*)\} /gm;
  return [...text.matchAll(series)]
    .map(([, name, labels]) => `${name} ${labels!.split(",").toSorted().join(" ")}`)
    .toSorted();
}

function typesOf(text: string): string[] {
  return [...text.matchAll(/^# TYPE grpc_server_(?:started|handled|handling)_\w+ \w+$/gm)]
    .map(([line]) => line).toSorted();
}

serveTest(
  "names, types and labels of the metrics are those of go-grpc-prometheus",
  async ({ stderr }) => {
    const [, url] = await stderr.until(/metrics are served at (http:\S+)\n/);
    const own = await (await fetch(url!)).text();
    const peer = await countedByGo();
    // One of calls that were received, two of the time, and one for each of 17 status codes.
    assert.equal(seriesOf(own).length, 20);
    assert.deepEqual(seriesOf(own), seriesOf(peer));
    assert.deepEqual(typesOf(own), typesOf(peer));
  },
  ["--metrics-port", "0"],
);
