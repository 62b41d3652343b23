/** `/calls` of a server with `--record`: what it has seen, for those who ask. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { connect } from "node:net";
import { openRecordedCalls } from "../../src/contract/recorded_calls.ts";
import { getUserRequest, grpcMessage } from "../support/frames.ts";
import { ask, GET_USER, type Received, type Sent } from "../support/http_client.ts";
import { type LogRecord, makeCalls } from "../support/logs.ts";
import {
  posixTest,
  programTest,
  serveTest,
  usersvc,
  withFolder,
  withServe,
} from "../support/program.ts";
import { finishCall, openSession, sendMessage, startCall } from "../support/raw_client.ts";
import { inTime, until } from "../support/waits.ts";

/** Asks for calls, by HTTP/1.1 unless something else is said. */
function askCalls(port: number, query = "", sent: Sent = {}, version: 1 | 2 = 1) {
  return ask({ port, version }, { path: `/calls${query}`, ...sent });
}

function lines({ body }: Received): string[] {
  assert.match(String(body), /^$|\n$/);
  return String(body).split("\n").slice(0, -1);
}

const recordsIn = (answer: Received): LogRecord[] => lines(answer).map((line) => JSON.parse(line));

const namesIn = (answer: Received) => recordsIn(answer).map(({ id, username }) => [id, username]);

/** Calls some names by gRPC, one after another. */
async function callNames(port: number, ...names: readonly string[]): Promise<void> {
  const session = await openSession(port);
  for (const name of names) await finishCall(startCall(session), name);
  session.close();
}

/** Sends a call of another protocol. */
function post(port: number, type: string, body: Sent["body"]) {
  const headers = { "content-type": type };
  return ask({ port, version: 1 }, { method: "POST", path: GET_USER, headers, body: body! });
}

serveTest("a call has the same record in /calls and in the log, by every protocol", async ({
  port,
  stdout,
}) => {
  await callNames(port, "gRPC", "");
  await post(port, "application/json", JSON.stringify({ username: "Connect\x1b[2J\u202e" }));
  await post(port, "application/grpc-web", grpcMessage(getUserRequest("gRPC-Web")));
  // Each client has its answer, so that there is a record of its call; the log may be late.
  const answers = [await askCalls(port), await askCalls(port, "", {}, 2)];
  await stdout.until(/"username":"gRPC-Web"[^\n]*\n/);
  const logged = stdout.text.split("\n").filter((line) => line.includes('"event":"call"'));
  assert.equal(logged.length, 4);
  for (const answer of answers) {
    assert.equal(answer.status, 200);
    assert.equal(answer.headers["content-type"], "application/x-ndjson; charset=utf-8");
    const withIds = logged.map((line, index) => `{"id":${index + 1},${line.slice(1)}`);
    assert.deepEqual(lines(answer), withIds);
  }
}, ["--log", "json", "--record", "10"]);

serveTest("calls are recorded where the log has no records", async ({ port }) => {
  await callNames(port, "Alice", "");
  assert.deepEqual(
    recordsIn(await askCalls(port)).map(({ id, username, "grpc.code": code }) => [
      id,
      username,
      code,
    ]),
    [[1, "Alice", "OK"], [2, "", "INVALID_ARGUMENT"]],
  );
}, ["--record", "10"]);

serveTest(
  "calls are found by their name and id, and the oldest are forgotten",
  async ({ port }) => {
    await callNames(port, "a", "b", "a", "Zoë & Co+", "", "b");
    const found = async (query: string) => namesIn(await askCalls(port, query));
    assert.deepEqual(await found(""), [[3, "a"], [4, "Zoë & Co+"], [5, ""], [6, "b"]]);
    assert.deepEqual(await found("?username=a"), [[3, "a"]]);
    assert.deepEqual(await found("?username="), [[5, ""]]);
    assert.deepEqual(await found("?username=Zo%C3%AB+%26%20Co%2B"), [[4, "Zoë & Co+"]]);
    assert.deepEqual(await found("?since=4"), [[5, ""], [6, "b"]]);
    assert.deepEqual(await found("?since=4&username=b&count=1"), [[6, "b"]]);
    assert.deepEqual(await found("?since=999"), []);
    const head = await askCalls(port, "", { method: "HEAD" });
    assert.deepEqual([head.status, String(head.body)], [200, ""]);
  },
  ["--record", "4"],
);

serveTest("calls are found by the metadata that records have", async ({ port }) => {
  const session = await openSession(port);
  const sent: Record<string, string[]>[] = [
    { "x-test": ["one", "two"], "trace-bin": ["AQI="] },
    { "x-test": ["two"] },
    {},
  ];
  for (const headers of sent) await finishCall(startCall(session, headers), "a");
  session.close();
  const found = async (query: string) => recordsIn(await askCalls(port, query)).map(({ id }) => id);
  assert.deepEqual(await found("?metadata.x-test=two"), [1, 2]);
  assert.deepEqual(await found("?metadata.x-test=one&metadata.trace-bin=AQI%3D"), [1]);
  assert.deepEqual(await found("?metadata.x-test=two&username=b"), []);
  assert.deepEqual(await found("?metadata.x-test=one,%20two"), []);
  const { status, body } = await askCalls(port, "?metadata.authorization=t");
  const there = "username, since, count, wait, metadata.x-test, metadata.trace-bin";
  const says = `unknown parameter "metadata.authorization"; there are ${there}\n`;
  assert.deepEqual([status, String(body)], [400, says]);
}, ["--record", "10", "--log-metadata", "x-test,trace-bin"]);

/** A call of Connect by HTTP/1.1, whose answer is read to its end. */
async function callByHttp1(port: number, fields: readonly string[]): Promise<void> {
  const body = '{"username":"a"}';
  const head = [
    ...[`POST ${GET_USER} HTTP/1.1`, "host: localhost", "connection: close"],
    ...["content-type: application/json", `content-length: ${body.length}`, ...fields],
  ];
  const socket = connect(port, "127.0.0.1");
  socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  assert.match(String(Buffer.concat(await Array.fromAsync(socket))), /^HTTP\/1\.1 200 /);
}

serveTest("a record has metadata as it was sent, by every protocol", async ({ port }) => {
  const sent: Record<string, string[]> = {
    "x-a": ["Sun, 06 Nov 1994"],
    "x-b": ["1", "2", ""],
    "x-c": ["1, 2"],
    "x-d": ["a,b", "c , d"],
    "x-bin": ["AQI,/w==", "AA"],
    "constructor": ["c"],
    "accept-language": ["de, en", "fr"],
  };
  const recorded = {
    ...sent,
    "x-bin": ["AQI=", "/w==", "AA=="],
    "accept-language": ["de, en, fr"],
  };
  const session = await openSession(port);
  for (const type of ["application/grpc", "application/grpc-web", "application/proto"]) {
    const body = getUserRequest("a");
    const stream = startCall(session, { ...sent, "content-type": type });
    await sendMessage(stream, type === "application/proto" ? body : grpcMessage(body));
  }
  session.close();
  const fields = Object.entries(sent).flatMap(([name, values]) =>
    values.map((value) => `${name}: ${value}`)
  );
  await callByHttp1(port, fields);
  await callByHttp1(port, []);
  const records = recordsIn(await askCalls(port));
  assert.deepEqual(
    records.map(({ protocol, metadata }) => [protocol, metadata]),
    [...["grpc", "grpc-web", "connect", "connect"].map((name) => [name, recorded]), [
      "connect",
      {},
    ]],
  );
  const found = async (query: string) => recordsIn(await askCalls(port, query)).length;
  assert.equal(await found("?metadata.x-a=Sun,%2006%20Nov%201994"), 4);
  assert.equal(await found("?metadata.x-b=1,%202"), 0);
  assert.equal(await found("?metadata.x-c=1"), 0);
}, [
  ...["--record", "10"],
  ...["--log-metadata", "x-a,x-b,x-c,x-d,x-bin,constructor,accept-language,toString"],
]);

serveTest("calls are found by what records cut off", async ({ port }) => {
  const name = "é".repeat(300), value = "v".repeat(2_500);
  const session = await openSession(port);
  for (const username of [name, name.slice(0, 256)]) {
    await finishCall(startCall(session, { "x-test": [value] }), username);
  }
  session.close();
  const found = async (query: Record<string, string>) =>
    recordsIn(await askCalls(port, `?${new URLSearchParams(query)}`)).map(({ id }) => id);
  assert.deepEqual(await found({ username: name }), [1]);
  assert.deepEqual(await found({ username: `${name.slice(0, 256)}...` }), [1]);
  assert.deepEqual(await found({ username: name.slice(0, 256) }), [2]);
  assert.deepEqual(await found({ "metadata.x-test": value }), [1, 2]);
  assert.deepEqual(await found({ "metadata.x-test": value.slice(0, 2_000) }), []);
}, ["--record", "10", "--log-metadata", "x-test"]);

serveTest("DELETE forgets the calls, and the next one has the next id", async ({ port }) => {
  await callNames(port, "a", "b");
  for (const version of [1, 2] as const) {
    const { status, body } = await askCalls(port, "", { method: "DELETE" }, version);
    assert.deepEqual([status, String(body)], [204, ""]);
    assert.deepEqual(namesIn(await askCalls(port)), []);
  }
  await callNames(port, "c");
  assert.deepEqual(namesIn(await askCalls(port)), [[3, "c"]]);
}, ["--record", "10"]);

serveTest("a request waits until there are as many calls as it asks for", async ({ port }) => {
  await callNames(port, "a");
  const early = await askCalls(port, "?username=a&count=2");
  assert.deepEqual([early.status, namesIn(early)], [408, [[1, "a"]]]);
  const late = await askCalls(port, "?username=a&count=2&wait=50ms");
  assert.deepEqual([late.status, namesIn(late)], [408, [[1, "a"]]]);
  let isAnswered = false;
  const waiting = askCalls(port, "?username=a&count=3&wait=60s")
    .then((answer) => (isAnswered = true, answer));
  await callNames(port, "b", "a", "b");
  // Another request that comes, waits and is answered shows that the first goes on to wait.
  assert.equal((await askCalls(port, "?username=b&count=2&wait=60s")).status, 200);
  assert.equal(isAnswered, false);
  await callNames(port, "a");
  const answer = await inTime("answer", waiting);
  assert.deepEqual([answer.status, namesIn(answer)], [200, [[1, "a"], [3, "a"], [5, "a"]]]);
}, ["--record", "10"]);

/** What is asked for, and how it is refused. */
const REFUSED: [query: string, says: string][] = [
  ["?user=a", 'unknown parameter "user"; there are username, since, count, wait'],
  ["?%1b=a", 'unknown parameter "\\x1b"; there are username, since, count, wait'],
  ["?username=a&username=b", "username may be there once"],
  ["?since=-1", "since expects a number from 0 to 9007199254740991"],
  ["?since=", "since expects a number from 0 to 9007199254740991"],
  ["?count=0", "count expects a number from 1 to 10"],
  ["?count=11", "count expects a number from 1 to 10"],
  ["?count=1.5", "count expects a number from 1 to 10"],
  ["?wait=1s", "wait needs count"],
  ["?count=1&wait=1", "wait expects a duration from 0 to 60s, such as 500ms or 2s"],
  ["?count=1&wait=61s", "wait expects a duration from 0 to 60s, such as 500ms or 2s"],
];

serveTest("what a request for calls may not ask is refused in one line", async ({ port }) => {
  for (const version of [1, 2] as const) {
    for (const [query, says] of REFUSED) {
      const { status, body } = await askCalls(port, query, {}, version);
      assert.deepEqual([status, String(body)], [400, `${says}\n`], query);
    }
    const long = await askCalls(port, `?username=${"x".repeat(9_000)}`, {}, version);
    assert.deepEqual([long.status, String(long.body)], [414, "a query may have 8192 bytes\n"]);
    const all = await askCalls(port, "?username=a", { method: "DELETE" }, version);
    assert.equal(all.status, 400);
    const put = await askCalls(port, "", { method: "PUT" }, version);
    assert.deepEqual([put.status, put.headers["allow"]], [405, "GET, HEAD, DELETE"]);
  }
}, ["--record", "10"]);

serveTest("a server that records no calls says so", async ({ port }) => {
  const { status, body } = await askCalls(port);
  assert.deepEqual([status, String(body)], [404, "this server does not record its calls\n"]);
});

programTest("--record needs HTTP and one process, and a number that memory holds", async () => {
  const refused: [flags: string[], says: RegExp][] = [
    [["--record", "1", "--no-http"], /--record cannot be combined with --no-http/],
    [["--record", "1", "--workers", "2"], /--record cannot be combined with --workers/],
    [["--record", "0"], /a number from 1 to 10000/],
    [["--record", "10001"], /a number from 1 to 10000/],
  ];
  for (const [flags, says] of refused) {
    const { code, stderr } = await usersvc(["serve", "--port", "0", ...flags]);
    assert.equal(code, 2);
    assert.match(stderr, says);
  }
});

const ORIGIN = "https://example.com";

/** What a browser asks before a page of another origin may do something. */
function preflight(port: number, origin: string, method: string) {
  const headers = { origin, "access-control-request-method": method };
  return askCalls(port, "", { method: "OPTIONS", headers });
}

serveTest("no page of another origin reads the calls or forgets them", async ({ port }) => {
  const read = await askCalls(port, "", { headers: { origin: ORIGIN } });
  assert.equal(read.headers["access-control-allow-origin"], undefined);
  assert.equal(read.headers["cross-origin-resource-policy"], "same-origin");
  assert.equal(read.headers["cache-control"], "no-store");
  const asked = await preflight(port, ORIGIN, "DELETE");
  assert.equal(asked.headers["access-control-allow-origin"], undefined);
  assert.equal(asked.headers["access-control-allow-methods"], undefined);
}, ["--record", "10"]);

serveTest("a page whose origin is allowed may read the calls, and not forget them", async ({
  port,
}) => {
  const read = await askCalls(port, "", { headers: { origin: ORIGIN } });
  assert.equal(read.headers["access-control-allow-origin"], ORIGIN);
  const { headers } = await preflight(port, ORIGIN, "DELETE");
  assert.equal(headers["access-control-allow-origin"], ORIGIN);
  assert.doesNotMatch(headers["access-control-allow-methods"]!, /DELETE/);
  const other = await askCalls(port, "", { headers: { origin: "https://example.org" } });
  assert.equal(other.headers["access-control-allow-origin"], undefined);
}, ["--record", "10", "--cors", ORIGIN]);

/** A request that waits for calls that never come. */
interface VainWait {
  /** The status of its answer; undefined once it is given up. */
  readonly status: Promise<number | undefined>;
  giveUp(): void;
}

/** Has as many requests wait as may; one more is refused. */
async function waitInVain(port: number): Promise<VainWait[]> {
  const waits = Array.from({ length: 101 }, (_, index) => {
    const given = new AbortController();
    const sent = { signal: given.signal };
    const answer = askCalls(port, "?username=nobody&count=10&wait=60s", sent, index % 2 ? 1 : 2);
    return {
      status: answer.then(({ status }) => status, () => undefined),
      giveUp: () => given.abort(),
    };
  });
  const first = Promise.race(waits.map(async (wait) => ({ wait, status: await wait.status })));
  const refused = await inTime("refusal", first);
  assert.equal(refused.status, 503);
  return waits.filter((wait) => wait !== refused.wait);
}

serveTest("only so many requests wait, and one that its client gives up is none", async ({
  port,
}) => {
  const waits = await waitInVain(port);
  // What needs no wait is answered.
  await callNames(port, "Alice");
  assert.deepEqual(namesIn(await askCalls(port, "?count=1&wait=60s")), [[1, "Alice"]]);
  const another = async () => (await askCalls(port, "?count=10&wait=1ms")).status;
  assert.equal(await another(), 503);
  // One by HTTP/1.1 and one by HTTP/2.
  for (const wait of waits.slice(0, 2)) {
    wait.giveUp();
    await until("another may wait", async () => await another() === 408);
    assert.equal(await wait.status, undefined);
    void askCalls(port, "?username=nobody&count=10&wait=60s").catch(() => {});
    await until("no other may wait", async () => await another() === 503);
  }
  for (const wait of waits) wait.giveUp();
}, ["--record", "10"]);

serveTest("requests that wait are answered when the server drains", async (server) => {
  const waits = await waitInVain(server.port);
  server.kill("SIGTERM");
  const statuses = await inTime("answers", Promise.all(waits.map(({ status }) => status)));
  assert.deepEqual(new Set(statuses), new Set([408]));
  assert.equal((await server.ended()).code, 0);
}, ["--record", "10"]);

/** A username whose record is as large as a peer can make it: each character takes six. */
const LARGE_NAME = "\x01".repeat(256);
const MAX_BYTES = 16 * 1024 * 1024;

/** Asks for all calls, and goes away when the first bytes of them have come. */
async function leaveEarly(port: number): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.write("GET /calls HTTP/1.1\r\nhost: localhost\r\n\r\n");
  await new Promise((resolve) => socket.once("data", resolve));
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.destroy();
  await closed;
}

serveTest("large records take only so much memory, kept or on their way", async ({ port }) => {
  const session = await openSession(port);
  await makeCalls(session, 10_000, () => LARGE_NAME);
  session.close();
  // By either way alone, more is sent than may be unread.
  for (let round = 0; round < 5; round++) {
    for (const version of [1, 2] as const) {
      const answer = await askCalls(port, "", {}, version);
      assert.equal(answer.status, 200);
      assert.ok(answer.body.length <= MAX_BYTES, `${answer.body.length} bytes`);
      // It is nearly full, with the newest.
      assert.ok(answer.body.length > MAX_BYTES * 0.99, `${answer.body.length} bytes`);
      assert.match(String(answer.body.subarray(-3_000)), /\n\{"id":10000,[^\n]*\n$/);
    }
    await leaveEarly(port);
  }
}, ["--record", "10000"]);

serveTest("what nobody reads is refused beyond a limit", async ({ port }) => {
  const session = await openSession(port);
  await makeCalls(session, 10_000, () => LARGE_NAME);
  session.close();
  const sockets = Array.from({ length: 5 }, () => connect(port, "127.0.0.1"));
  for (const socket of sockets) {
    socket.pause();
    socket.on("error", () => {});
    socket.write("GET /calls HTTP/1.1\r\nhost: localhost\r\n\r\n");
  }
  await until("one is refused", async () => (await askCalls(port)).status === 503);
  assert.equal((await askCalls(port, "?since=9999")).status, 200);
  for (const socket of sockets) socket.destroy();
  await until("they are gone", async () => (await askCalls(port)).status === 200);
}, ["--record", "10000"]);

Deno.test("a wait counts what comes and what is forgotten", async () => {
  const recorded = openRecordedCalls(2);
  const add = (...names: readonly string[]) =>
    names.forEach((username) => recorded.add({ json: '{"x":1}', username, metadata: new Map() }));
  let isOver = false;
  const { calls } = recorded.wait(({ username }) => username === "a", 2);
  void calls.then(() => isOver = true);
  const steps: [names: string[], clear: boolean][] = [
    [["a", "b", "c", "a"], false],
    [["b", "a"], false],
    [["b"], true],
    [["a"], false],
  ];
  for (const [names, clear] of steps) {
    add(...names);
    if (clear) recorded.clear();
    await null;
    assert.equal(isOver, false);
  }
  add("a");
  assert.deepEqual((await calls).map(({ id, line }) => [id, String(line)]), [
    [8, '{"id":8,"x":1}\n'],
    [9, '{"id":9,"x":1}\n'],
  ]);
});

posixTest(
  "a client that gRPC has wait between its tries is seen to wait",
  () =>
    withFolder(async (folder) => {
      const refused = { code: "UNAVAILABLE", pushback: 100 };
      await Deno.writeTextFile(
        `${folder}/answers.json`,
        JSON.stringify({ Flaky: [refused, refused, {}] }),
      );
      await withServe(async ({ port }) => {
        const greeted = await usersvc(["call", "Flaky", "--port", `${port}`, "--retries", "3"]);
        assert.equal(greeted.code, 0);
        const answer = await askCalls(port, "?username=Flaky&count=3&wait=2s");
        assert.equal(answer.status, 200);
        const tries = recordsIn(answer);
        assert.deepEqual(
          tries.map((call) => [call["grpc.attempt"], call["grpc.code"]]),
          [[1, "UNAVAILABLE"], [2, "UNAVAILABLE"], [3, "OK"]],
        );
        const starts = tries.map((call) => Date.parse(String(call["grpc.start_time"])));
        const waits = starts.slice(1).map((start, index) => start - starts[index]!);
        // Timers may fire a little early.
        assert.ok(waits.every((wait) => wait >= 98), `${waits}`);
      }, ["--answers", `${folder}/answers.json`, "--record", "10"]);
    }),
);
