/** One server in the modes of a row, from its start to its end. */
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { grpcurl } from "../../tools/peers/grpc.ts";
import { familyOf } from "../../tools/processes.ts";
import type { Running } from "../../tools/programs.ts";
import { runProgram, startUsersvc } from "../support/program.ts";
import { curl } from "../support/curl.ts";
import { goName } from "./clients.ts";
import { urlOf } from "./http_clients.ts";
import type { Row } from "./covering.ts";
import { callRecords, type Lines, recordedCalls, type Story } from "./logs.ts";
import type { Mode } from "./modes.ts";
import { type Call, names, possibleCalls } from "./outcomes.ts";
import { type Plan, type PlannedEndpoint, planOf } from "./plan.ts";
import { inTime, pause } from "../support/waits.ts";

/**
 * How long a server is left alone after the calls, in milliseconds: longer than its own timers of three
 * seconds, which close connections that seem to be of no use.
 */
const QUIET_MS = 3_500;

/** A call that was made, or a try of it that failed, and what the log calls its client. */
type LoggedCall = Call & { readonly peer: string };

/** Looks at one thing; what is wrong with it is told at the end, with all else that is wrong. */
type Check = (what: string, look: () => unknown) => Promise<void>;

/**
 * Runs a server in the modes of a row, calls it, watches it and stops it.
 *
 * @throws {Error} with everything that was not as expected
 */
export async function runServer(row: Row<Mode>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "usersvc-modes-" });
  const plan = planOf(row, folder);
  const stdin = plan.end === "SIGTERM" ? "null" : "piped";
  const server = startUsersvc(["serve", ...plan.serve], { stdin });
  const faults: string[] = [];
  const check: Check = async (what, look) => {
    try {
      await inTime(what, Promise.resolve(look()));
    } catch (error) {
      faults.push(`${what}: ${error instanceof Error ? error.message : error}`);
    }
  };
  try {
    await check("the start", () => accepting(server, plan));
    if (faults.length === 0) await useAndStop(server, plan, check);
    await check("the folder of the socket file is empty", async () => {
      assert.deepEqual(await Array.fromAsync(Deno.readDir(folder)), []);
    });
  } finally {
    await killFamily(server);
    await Deno.remove(folder, { recursive: true });
  }
  if (faults.length > 0) throw new Error(report(plan, server, faults));
}

async function useAndStop(server: Running, plan: Plan, check: Check): Promise<void> {
  const watches = plan.endpoints.map((endpoint) => watch(endpoint, plan.health));
  try {
    for (const { first } of watches) await check("the first answer of a watch", first);
    if (plan.health === "NOT_SERVING") server.kill("SIGUSR2");
    for (const { turned } of watches) await check("a watch of what is healthy now", turned);
    const calls = await callAll(plan, check);
    await pause(QUIET_MS);
    for (const { before } of watches) await check("a watch before the drain", before);
    if (plan.metrics) await check("the metrics", () => checkMetrics(plan, calls));
    await check("the calls that are recorded", () => checkRecorded(plan, calls));
    await stop(server, plan, check);
    for (const { drained } of watches) await check("a watch and the drain", drained);
    await check("the log", () => {
      const story = storyOf(plan, calls);
      assert.deepEqual(logOf(server, plan, story), shown(plan, plan.log.whole(story)));
    });
  } finally {
    for (const { program } of watches) await killFamily(program);
  }
}

/** Waits until the log says that the server listens, if it says so, and connections are accepted. */
async function accepting(server: Running, plan: Plan): Promise<void> {
  const story = storyOf(plan, []);
  const expected = shown(plan, plan.log.beginning(story));
  let ended = false;
  void server.exitCode.then(() => ended = true);
  for (;; await pause(20)) {
    if (ended) throw new Error("the server has ended");
    const lines = logOf(server, plan, story);
    if (!expected.stdout.every((line) => lines.stdout.includes(line))) continue;
    if (!expected.stderr.every((line) => lines.stderr.includes(line))) continue;
    if ((await Promise.all(plan.endpoints.map(accepts))).every((accepted) => accepted)) return;
  }
}

async function accepts({ target }: PlannedEndpoint): Promise<boolean> {
  const [, path] = /^unix:(.*)/.exec(target) ?? [];
  const [hostname, port] = target.split(":") as [string, string];
  try {
    const connection = path === undefined
      ? await Deno.connect({ hostname, port: Number(port) })
      : await Deno.connect({ transport: "unix", path });
    connection.close();
    return true;
  } catch {
    return false;
  }
}

/** Has the client of the row call all names at each endpoint, and asks for reflection there. */
async function callAll(plan: Plan, check: Check): Promise<LoggedCall[]> {
  const calls: LoggedCall[] = [];
  for (const endpoint of plan.endpoints) {
    const { target, peer } = endpoint;
    await check(`the calls of ${target}`, async () => {
      const results = await plan.client.run(endpoint, names.map(({ name }) => name));
      const possible = possibleCalls(names, plan.outcomes);
      const printed = possible.map((calls) => plan.client.prints(calls, endpoint));
      const index = printed.findIndex((expected) => isDeepStrictEqual(results, expected));
      // Where there are several, the first is what would come without faults on purpose.
      if (index === -1) assert.deepEqual(results, printed[0]);
      const retried = plan.client.retries ? plan.retried : [];
      for (const { name, outcome } of possible[index]!) {
        calls.push(...[...retried, outcome].map((outcome) => ({ name, outcome, peer })));
      }
    });
    await check(`the reflection of ${target}`, () => checkReflection(plan, endpoint));
    await check(`the HTTP of ${target}`, () => checkHttp(plan, endpoint));
  }
  return calls;
}

async function checkReflection({ reflection }: Plan, { grpcurl: flags }: PlannedEndpoint) {
  const expected = reflection
    ? { code: 0, stdout: "grpc.health.v1.Health\nuserservice.UserService\n", stderr: "" }
    : {
      code: 1,
      stdout: "",
      stderr: "Failed to list services: server does not support the reflection API\n",
    };
  assert.deepEqual(await runProgram(await grpcurl(), [...flags, "list"]), expected);
}

/** Asks for health as a page from elsewhere does. */
async function checkHttp({ http }: Plan, { curl: flags }: PlannedEndpoint): Promise<void> {
  const origin = "https://example.com";
  const asked = [...flags, "--http1.1", "-D", "-", "-H", `origin: ${origin}`];
  const answer = await curl([...asked, urlOf({ curl: flags }, "/healthz")]);
  if (http === "none") return assert.equal(String(answer.body), "");
  assert.match(String(answer.body), /^HTTP\/\S+ 200 [^]*\r\n\r\nSERVING\n$/);
  const [, allowed] = /^access-control-allow-origin: (.*)\r$/im.exec(String(answer.body)) ?? [];
  assert.equal(allowed, http === "cors" ? origin : undefined);
}

async function checkRecorded(plan: Plan, calls: readonly LoggedCall[]): Promise<void> {
  if (plan.http === "none") return;
  const [{ curl: flags }] = plan.endpoints as [PlannedEndpoint];
  const { body } = await curl([...flags, urlOf({ curl: flags }, "/calls")]);
  const none = "this server does not record its calls\n";
  if (!plan.recorded) return assert.equal(String(body), none);
  const story = storyOf(plan, calls);
  assert.deepEqual(recordedCalls(String(body), story), callRecords(story));
}

/** Watches the health of the service from before the calls until after the drain. */
function watch({ call, target }: PlannedEndpoint, health: Plan["health"]) {
  const service = ["--service", "userservice.UserService", "--timeout", "30s"];
  const program = startUsersvc(["check", "--watch", ...service, ...call]);
  const { stdout, stderr } = program;
  const said = () => ({ stdout: stdout.text, stderr: stderr.text });
  const healthy = health === "SERVING" ? "SERVING\n" : "NOT_SERVING\nSERVING\n";
  return {
    program,
    first: () => stdout.until(new RegExp(`^${health}\n`)),
    turned: () => stdout.until(new RegExp(`^${healthy}`)),
    before: () => assert.deepEqual(said(), { stdout: healthy, stderr: "" }, target),
    drained: async () => {
      await stderr.until(/\n/);
      program.kill("SIGTERM");
      assert.equal(await program.exitCode, 143);
      await program.ended();
      const failure = `usersvc check: UNAVAILABLE from ${target}: `;
      const again = "; trying again every second\n";
      // A second later it would find that the server has gone.
      const gone = new RegExp(`(?<=\n)${failure}.*\n$`);
      assert.deepEqual({ ...said(), stderr: stderr.text.replace(gone, "") }, {
        stdout: `${healthy}NOT_SERVING\n`,
        stderr: `${failure}the server is draining${again}`,
      });
    },
  };
}

const GET_USER = 'grpc_type="unary",grpc_service="userservice.UserService",grpc_method="GetUser"';

async function checkMetrics(plan: Plan, calls: readonly LoggedCall[]): Promise<void> {
  const text = await (await fetch(metricsUrl(plan)!)).text();
  const series = new Map(
    [...text.matchAll(/^(\w+\{.*\}) (\S+)$/gm)].map(([, name, value]) => [name!, Number(value)]),
  );
  const handled = new Map<string, number>();
  for (const { outcome: { code } } of calls) {
    const name = `grpc_server_handled_total{${GET_USER},grpc_code="${goName(code)}"}`;
    handled.set(name, (handled.get(name) ?? 0) + 1);
  }
  const counted = [...series].filter(([name, value]) =>
    /^grpc_server_handled_total/.test(name) && value !== 0
  );
  assert.deepEqual(new Map(counted.toSorted()), new Map([...handled].toSorted()));
  assert.equal(series.get(`grpc_server_started_total{${GET_USER}}`), calls.length);
  assert.equal(series.get(`grpc_server_handling_seconds_count{${GET_USER}}`), calls.length);
  const seconds = series.get(`grpc_server_handling_seconds_sum{${GET_USER}}`)!;
  // Timers may fire a little early.
  assert.ok(seconds >= calls.length * plan.delayMs / 1_000 * 0.9, `${seconds} s`);
  for (let worker = 1; worker <= plan.workers; worker++) {
    assert.equal(series.get(`usersvc_worker_restarts_total{worker="${worker}"}`), 0);
  }
}

/** Ends the server as the plan says; nothing of it may be left. */
async function stop(server: Running, { workers, end }: Plan, check: Check): Promise<void> {
  const family = await familyOf(server.pid);
  const processes = 1 + workers + (end === "command" ? 1 : 0);
  await check("the number of processes", () => assert.equal(family.length, processes));
  if (end === "SIGTERM") server.kill("SIGTERM");
  else await server.endInput();
  await check("the exit code of the server", async () => assert.equal(await server.exitCode, 0));
  const left = family.filter(isThere);
  await check("the processes after the end", () => assert.deepEqual(left, []));
  kill(left);
  await check("the end of its output", () => server.ended());
}

function isThere(pid: number): boolean {
  try {
    return Deno.statSync(`/proc/${pid}`).isDirectory;
  } catch {
    return false;
  }
}

/** Ends a program that something has kept from its own end. */
async function killFamily({ pid, ended }: Running): Promise<void> {
  kill(await familyOf(pid));
  await inTime("end of its output", ended()).catch(() => {});
}

function kill(pids: readonly number[]): void {
  for (const pid of pids) if (isThere(pid)) Deno.kill(pid, "SIGKILL");
}

function metricsUrl({ metrics, place }: Plan): string | undefined {
  return metrics ? `http://127.0.0.1:${place.METRICS}/metrics` : undefined;
}

/** Why a server drains, in the words of its log. */
const REASONS = {
  SIGTERM: "SIGTERM",
  stdin: "stdin has closed",
  command: "the command has ended (exit code 0)",
};

function storyOf(plan: Plan, calls: readonly LoggedCall[]): Story {
  const { endpoints, workers, delayMs, seed, client: { protocol } } = plan;
  return {
    ...{ endpoints, workers, delayMs, seed, calls, protocol, metricsUrl: metricsUrl(plan) },
    turned: plan.health === "NOT_SERVING",
    why: REASONS[plan.end],
  };
}

/** Where the lines of a log are: all on stderr where a command has stdout. */
function shown({ end }: Plan, { stdout, stderr }: Lines): Lines {
  if (end !== "command") return { stdout, stderr };
  return { stdout: [], stderr: [...stdout, ...stderr].toSorted() };
}

/** The whole lines that the server has written so far. */
function logOf({ stdout, stderr }: Running, plan: Plan, story: Story): Lines {
  const whole = (text: string) => text.slice(0, text.lastIndexOf("\n") + 1);
  // What is on stderr then has the form of what is on stdout otherwise.
  if (plan.end === "command") {
    assert.equal(stdout.text, "");
    return shown(plan, plan.log.read(whole(stderr.text), "", story));
  }
  return plan.log.read(whole(stdout.text), whole(stderr.text), story);
}

function report({ serve }: Plan, { stdout, stderr }: Running, faults: readonly string[]): string {
  return [
    ...faults,
    `usersvc serve ${serve.join(" ")}`,
    `its stdout:\n${stdout.text}`,
    `its stderr:\n${stderr.text}`,
  ].join("\n\n");
}
