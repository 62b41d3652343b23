import assert from "node:assert/strict";
import type { Session } from "../../src/http2/session.ts";
import type { ServerEvents } from "../../src/contract/events.ts";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { poolMetrics, type Snapshot } from "../../src/telemetry/pool_metrics.ts";
import { codeLabel, processMetrics } from "../../src/telemetry/process_metrics.ts";
import { oneCall } from "../support/one_call.ts";
import {
  posixServeTest,
  posixTest,
  programTest,
  type Serve,
  usersvc,
  withServe,
} from "../support/program.ts";
import { finishCall, openSession, roundTrip, startCall } from "../support/raw_client.ts";

const GET_USER = 'grpc_type="unary",grpc_service="userservice.UserService",grpc_method="GetUser"';

const STARTED = `grpc_server_started_total{${GET_USER}}`;
const HANDLED_OK = `grpc_server_handled_total{${GET_USER},grpc_code="OK"}`;

/** Series of a Prometheus text by their names and labels, as written. */
type Series = Map<string, number>;

function parse(text: string): Series {
  const series: Series = new Map();
  for (const line of text.split("\n")) {
    if (line === "" || /^# (HELP|TYPE) [a-z_]+ ./.test(line)) continue;
    const [, name, value] = /^([a-z_]+(?:\{[^{}]*\})?) (\S+)$/.exec(line) ?? assert.fail(line);
    assert.ok(!series.has(name!), `${name} is there twice`);
    series.set(name!, Number(value));
  }
  return series;
}

/** Waits for the line that says where the metrics are. */
async function metricsUrl(server: Serve): Promise<string> {
  return (await server.stderr.until(/metrics are served at (http:\S+)\n/))[1]!;
}

async function scrape(url: string): Promise<Series> {
  const response = await fetch(url);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  return parse(await response.text());
}

function withMetrics(use: (server: Serve, url: string) => Promise<void>): Promise<void> {
  return withServe(
    async (server) => await use(server, await metricsUrl(server)),
    ["--metrics-port", "0"],
  );
}

async function call(session: Session, name: string): Promise<string> {
  return (await finishCall(startCall(session), name)).status;
}

programTest("the metrics count the calls that were made", () =>
  withMetrics(async (server, url) => {
    const before = await scrape(url);
    assert.equal(before.get(STARTED), 0);
    assert.equal(before.get(HANDLED_OK), 0);
    assert.equal(before.get("usersvc_open_connections"), 0);

    const session = await openSession(server.port);
    for (let index = 0; index < 7; index++) assert.equal(await call(session, "Alice"), "0");
    for (let index = 0; index < 3; index++) assert.equal(await call(session, ""), "3");
    const after = await scrape(url);
    const handled = new Map(
      [...after].filter(([name, value]) => name.startsWith("grpc_server_handled") && value > 0),
    );
    assert.deepEqual(
      handled,
      new Map([
        [HANDLED_OK, 7],
        [`grpc_server_handled_total{${GET_USER},grpc_code="InvalidArgument"}`, 3],
      ]),
    );
    assert.equal(after.get(STARTED), 10);
    assert.equal(after.get(`grpc_server_handling_seconds_count{${GET_USER}}`), 10);
    assert.equal(after.get(`grpc_server_handling_seconds_bucket{le="+Inf",${GET_USER}}`), 10);
    assert.equal(after.get(`grpc_server_handling_seconds_bucket{le="10",${GET_USER}}`), 10);
    const seconds = after.get(`grpc_server_handling_seconds_sum{${GET_USER}}`)!;
    assert.ok(seconds > 0 && seconds < 10, `${seconds} s`);
    const bytes = after.get('usersvc_worker_memory_bytes{worker="1"}')!;
    assert.ok(bytes > 10e6 && bytes < 1e9, `${bytes} bytes`);

    assert.equal(after.get("usersvc_open_connections"), 1);
    session.close();
    while ((await scrape(url)).get("usersvc_open_connections") !== 0);
  }));

programTest("only GET and HEAD of /metrics are answered", () =>
  withMetrics(async (_, url) => {
    const answer = async (path: string, method: string) => {
      const response = await fetch(new URL(path, url), { method });
      return [response.status, (await response.text()).length > 0];
    };
    assert.deepEqual(await answer("/metrics", "GET"), [200, true]);
    assert.deepEqual(await answer("/metrics?x=1", "GET"), [200, true]);
    assert.deepEqual(await answer("/metrics", "HEAD"), [200, false]);
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
      assert.deepEqual(await answer("/metrics", method), [405, true]);
    }
    for (const path of ["/", "/metrics/", "/metricsx", "/favicon.ico"]) {
      assert.deepEqual(await answer(path, "GET"), [404, true]);
    }
  }));

programTest("metrics are served on loopback alone, unless a host is given", async () => {
  await withMetrics((_, url) => Promise.resolve(assert.equal(new URL(url).hostname, "127.0.0.1")));
  await withServe(async (server) => {
    const url = await metricsUrl(server);
    assert.equal(new URL(url).hostname, "[::1]");
    await scrape(url);
  }, ["--metrics-port", "0", "--metrics-host", "::1"]);
});

programTest(
  "a metrics port in use is one line that names the flag, exit code 1",
  () =>
    withMetrics(async (_, url) => {
      const { port } = new URL(url);
      assert.deepEqual(await usersvc(["serve", "--port", "0", "--metrics-port", port]), {
        code: 1,
        stdout: "",
        stderr: `usersvc serve: cannot serve metrics on 127.0.0.1:${port}: the port is in use; ` +
          "choose another with --metrics-port, or take a free one with --metrics-port 0\n",
      });
    }),
);

/** Sends bytes to a port and keeps the connection open until the other side closes it. */
function dial(port: number, bytes: Uint8Array): { socket: Socket; closed: Promise<void> } {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("error", () => {});
  socket.write(bytes);
  socket.resume();
  return { socket, closed: new Promise((resolve) => socket.once("close", () => resolve())) };
}

posixTest(
  "slow and broken HTTP clients are closed and hurt neither calls nor metrics",
  () =>
    withMetrics(async (server, url) => {
      const port = Number(new URL(url).port);
      const encode = (text: string) => new TextEncoder().encode(text);
      const broken = [
        encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        encode(`GET /metrics HTTP/1.1\r\nX: ${"x".repeat(100_000)}\r\n\r\n`),
        crypto.getRandomValues(new Uint8Array(10_000)),
        encode("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1_000)),
      ];
      for (const bytes of broken) await dial(port, bytes).closed;
      await scrape(url);

      const slow = Array.from(
        { length: 200 },
        (_, index) => dial(port, encode(index % 2 === 0 ? "" : "GET /metrics HTT")),
      );
      const session = await openSession(server.port);
      assert.equal(await call(session, "Alice"), "0");
      await Promise.all(slow.map(({ closed }) => closed));
      assert.equal(await call(session, "Alice"), "0");
      session.close();
      assert.equal((await scrape(url)).get(STARTED), 2);
    }),
);

const CALL = {
  protocol: "grpc" as const,
  service: "userservice.UserService",
  method: "GetUser",
  peer: () => "127.0.0.1:1",
  username: "Alice",
  startedAt: 0,
  deadline: () => Infinity,
  metadata: () => [],
};

const SILENT: ServerEvents = {
  callReceived() {},
  callFinished() {},
  notice() {},
};

/** A snapshot of a worker that has answered some calls and holds one connection, as IPC sends it. */
async function workerSnapshot(worker: number, calls: number) {
  const { events, snapshot } = processMetrics(worker, SILENT);
  events.connectionOpened();
  for (let index = 0; index < calls; index++) {
    events.callReceived(CALL);
    events.callFinished(CALL, { code: "OK", timeMs: 3 });
  }
  return JSON.parse(JSON.stringify(await snapshot()));
}

Deno.test("two processes with one worker's number are counted together, measured apart", async () => {
  const metrics = poolMetrics(1);
  const snapshots = await Promise.all([workerSnapshot(1, 4), workerSnapshot(1, 1)]);
  for (const snapshot of snapshots) metrics.open().record(snapshot);
  const memory = 'usersvc_worker_memory_bytes{worker="1"}';
  const alone = await Promise.all(snapshots.map((one) => {
    const metrics = poolMetrics(1);
    metrics.open().record(one);
    return metrics.text();
  }));
  const series = parse(await metrics.text());
  assert.equal(series.get(memory), Math.max(...alone.map((text) => parse(text).get(memory)!)));
  assert.equal(series.get("usersvc_open_connections"), 2);
  assert.equal(series.get(STARTED), 5);
});

Deno.test("what a worker has counted outlives it, what it gauged does not", async () => {
  const metrics = poolMetrics(1);
  for (const [worker, calls] of [[1, 4], [2, 5]] as const) {
    const process = metrics.open();
    process.record(await workerSnapshot(worker, calls));
    process.close();
  }
  metrics.open().record(await workerSnapshot(1, 1));
  const series = parse(await metrics.text());
  assert.equal(series.get(STARTED), 10);
  assert.equal(series.get(`grpc_server_handling_seconds_bucket{le="0.005",${GET_USER}}`), 10);
  assert.equal(series.get("usersvc_open_connections"), 1);
  assert.equal(series.get('usersvc_worker_memory_bytes{worker="2"}'), undefined);
});

Deno.test("counts that come late, twice or in the wrong order neither add nor take away", async () => {
  const metrics = poolMetrics(1);
  const started = async () => parse(await metrics.text()).get(STARTED);
  const [old, current] = [await workerSnapshot(1, 4), await workerSnapshot(1, 6)];
  const process = metrics.open();
  process.record(current);
  process.record(old);
  assert.equal(await started(), 6);
  process.record(current);
  assert.equal(await started(), 6);
  process.close();
  process.close();
  process.record(current);
  assert.equal(await started(), 6);
  const successor = metrics.open();
  assert.equal(await started(), 6);
  successor.record(old);
  assert.equal(await started(), 10);
});

Deno.test("sums of seconds do not go down by rounding when workers end", async () => {
  const seconds = (sum: number): Snapshot =>
    [{
      name: "s",
      help: "h",
      type: "histogram",
      aggregator: "sum",
      values: [{ metricName: "s_sum", labels: {}, value: sum }],
    }] as unknown as Snapshot;
  assert.ok(0.1 + 0.2 + 0.3 > 0.3 + 0.2 + 0.1, "the order matters");
  const metrics = poolMetrics(1);
  const processes = [0.1, 0.2, 0.3].map((sum) => {
    const process = metrics.open();
    process.record(seconds(sum));
    return process;
  });
  const before = parse(await metrics.text()).get("s_sum")!;
  for (const process of processes.reverse()) process.close();
  assert.ok(parse(await metrics.text()).get("s_sum")! >= before);
});

Deno.test("status codes are labelled as Go names them", () => {
  assert.equal(codeLabel("OK"), "OK");
  assert.equal(codeLabel("CANCELLED"), "Canceled");
  assert.equal(codeLabel("DEADLINE_EXCEEDED"), "DeadlineExceeded");
});

posixServeTest(
  "the metrics of several workers are summed, and a dead worker's counts stay",
  async (server) => {
    const url = await metricsUrl(server);
    await server.stderr.until(/worker 2 \(process \d+\) has started\n/);
    const callEach = async (count: number) => {
      for (let index = 0; index < count; index++) {
        const session = await openSession(server.port);
        assert.equal(await call(session, "Alice"), "0");
        session.close();
      }
    };
    await callEach(6);
    const before = await scrape(url);
    assert.equal(before.get(STARTED), 6);
    for (const worker of [1, 2]) {
      assert.ok(before.get(`usersvc_worker_memory_bytes{worker="${worker}"}`)! > 10e6);
      assert.equal(before.get(`usersvc_worker_restarts_total{worker="${worker}"}`), 0);
    }
    const [, pid] = await server.stderr.until(/worker 1 \(process (\d+)\) has started\n/);
    Deno.kill(Number(pid), "SIGKILL");
    await server.stderr.until(/worker 1 [^]*worker 1 \(process \d+\) has started\n/);
    await callEach(4);
    const after = await scrape(url);
    assert.equal(after.get(STARTED), 10);
    assert.equal(after.get(`grpc_server_handling_seconds_bucket{le="+Inf",${GET_USER}}`), 10);
    assert.equal(after.get('usersvc_worker_restarts_total{worker="1"}'), 1);
    assert.equal(after.get('usersvc_worker_restarts_total{worker="2"}'), 0);
  },
  ["--workers", "2", "--metrics-port", "0"],
);

/** Two workers with metrics, each of which has answered three calls. */
async function afterSixCalls(
  use: (server: Serve, url: string, pids: number[]) => Promise<void>,
): Promise<void> {
  await withServe(async (server) => {
    const url = await metricsUrl(server);
    const pids: number[] = [];
    for (const worker of [1, 2]) {
      const line = new RegExp(`worker ${worker} \\(process (\\d+)\\) has started\\n`);
      pids.push(Number((await server.stderr.until(line))[1]));
    }
    for (let index = 0; index < 6; index++) assert.equal(await oneCall(server.port), "answered");
    assert.equal((await scrape(url)).get(STARTED), 6);
    await use(server, url, pids);
  }, ["--workers", "2", "--metrics-port", "0"]);
}

posixTest(
  "a worker that dies while a scrape waits for it is counted once",
  () =>
    afterSixCalls(async (server, url, [worker]) => {
      Deno.kill(worker!, "SIGSTOP");
      const waiting = [scrape(url), scrape(url)];
      await sleep(300);
      Deno.kill(worker!, "SIGKILL");
      await server.stderr.until(/has ended: SIGKILL/);
      for (const series of [...await Promise.all(waiting), await scrape(url)]) {
        assert.equal(series.get(STARTED), 6);
        assert.equal(series.get(HANDLED_OK), 6);
      }
    }),
);

posixTest(
  "a worker that hangs is in the metrics with what it counted before, and is not waited for",
  () =>
    afterSixCalls(async ({ stderr }, url, [worker]) => {
      Deno.kill(worker!, "SIGSTOP");
      const series = await scrape(url);
      assert.doesNotMatch(stderr.text, /has not answered for 5 s/);
      assert.equal(series.get(STARTED), 6);
      assert.ok(series.get('usersvc_worker_memory_bytes{worker="1"}')! > 10e6);
      Deno.kill(worker!, "SIGCONT");
    }),
);

posixTest(
  "what a worker counts while it drains is in the metrics",
  () =>
    afterSixCalls(async (server, url, [worker]) => {
      const handled = async () => (await scrape(url)).get(HANDLED_OK);
      // In turn: one of these two is the worker's.
      const sessions = [await openSession(server.port), await openSession(server.port)];
      const calls = sessions.map((session) => [startCall(session), startCall(session)] as const);
      await Promise.all(sessions.map(roundTrip));
      Deno.kill(worker!, "SIGTERM");
      await server.stderr.until(/worker 1 [^]*worker 1 \(process \d+\) has started\n/);
      for (const [first] of calls) assert.equal((await finishCall(first, "A")).status, "0");
      assert.equal(await handled(), 8);
      for (const [, second] of calls) assert.equal((await finishCall(second, "A")).status, "0");
      for (const session of sessions) session.close();
      await server.stderr.until(/has drained\n/);
      assert.equal(await handled(), 10);
    }),
);
