/**
 * Tries an executable of usersvc: what each command does for a user, over real sockets.
 *
 * usage: deno run -A tools/smoke.ts PATH
 */
import assert from "node:assert/strict";
import config from "../deno.json" with { type: "json" };
import { root } from "./paths.ts";
import { listServices } from "./reflection_client.ts";
import { type Result, run, type RunningServer, startServer, stopServer } from "./programs.ts";

const windows = Deno.build.os === "windows";

/** Runs the executable to its end. */
function outcomeOf(program: string, args: readonly string[], input = ""): Promise<Result> {
  return run([program], args, { env: { NO_COLOR: "1" } }, input);
}

/** Runs the executable to its end; returns its stdout and throws if it fails. */
async function stdoutOf(program: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await outcomeOf(program, args);
  assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** Starts a server, does something with it, and sees it drain. */
async function withServer(
  program: string,
  args: readonly string[],
  use: (server: RunningServer, address: string[]) => Promise<void>,
): Promise<void> {
  const server = await startServer([program], args);
  let ended;
  try {
    await use(server, ["--address", `localhost:${server.port}`]);
  } finally {
    ended = await stopServer(server);
    console.error(ended.stderr.trimEnd());
  }
  // On Windows the server is killed, since there is no SIGTERM to drain it with.
  if (!windows) assert.equal(ended.code, 0, "the server has drained");
}

/** One call, many, one that is refused, the health service, and reflection. */
function tryCalls(program: string, args: readonly string[]): Promise<void> {
  return withServer(program, args, async ({ port }, address) => {
    assert.equal(await stdoutOf(program, "call", "Иван", ...address), "Привет, Иван!\n");
    assert.deepEqual(await outcomeOf(program, ["call", "-", ...address], "Alice\nBob\n"), {
      code: 0,
      stdout: "Привет, Alice!\nПривет, Bob!\n",
      stderr: "",
    });
    assert.equal((await outcomeOf(program, ["call", " ", ...address])).code, 67);
    assert.equal(await stdoutOf(program, "check", ...address), "SERVING\n");
    assert.deepEqual(await listServices(port), [
      "grpc.health.v1.Health",
      "userservice.UserService",
    ]);
  });
}

/** TLS with certificates on both sides; a client without one is refused. */
function tryTls(program: string): Promise<void> {
  const files = (name: string) => [
    ...["--tls-cert", `${certificates}/${name}.pem`],
    ...["--tls-key", `${certificates}/${name}.key`],
  ];
  const authority = `${certificates}/ca.pem`;
  const args = [...files("server"), "--tls-client-ca", authority];
  return withServer(program, args, async (_, address) => {
    const trusting = [...address, "--tls", "--tls-ca", authority];
    assert.equal(
      await stdoutOf(program, "call", "Alice", ...trusting, ...files("client")),
      "Привет, Alice!\n",
    );
    assert.equal((await outcomeOf(program, ["call", "Alice", ...trusting])).code, 78);
  });
}

/** A call in flight when the server is asked to stop is answered. */
async function tryDrain(program: string, args: readonly string[]): Promise<void> {
  let call: Promise<string> | undefined;
  await withServer(program, [...args, "--delay", "1s"], async ({ stdout }, address) => {
    call = stdoutOf(program, "call", "Alice", ...address);
    // The start line, and the one that says that the call has come.
    assert.ok(await stdout.lines(2), "the call came");
  });
  assert.equal(await call, "Привет, Alice!\n");
}

/** A worker that is asked to stop is replaced, and calls are answered meanwhile. */
function tryRecycle(program: string): Promise<void> {
  const metrics = ["--metrics-port", "0"];
  return withServer(program, ["--workers", "2", ...metrics], async ({ stderr }, address) => {
    const started = await stderr.until(/worker 1 \(process (\d+)\) has started/);
    Deno.kill(Number(started[1]), "SIGTERM");
    assert.equal(await stdoutOf(program, "call", "Alice", ...address), "Привет, Alice!\n");
    await stderr.until(/worker 1 \(process \d+\) has drained/);
    assert.equal(await stdoutOf(program, "call", "Bob", ...address), "Привет, Bob!\n");
    const url = (await stderr.until(/metrics are served at (\S+)/))[1]!;
    assert.match(await (await fetch(url)).text(), /^usersvc_worker_restarts_total\{/m);
  });
}

/**
 * Tries the executable, and prints each thing that works.
 *
 * @throws {Error} at the first thing that does not
 */
async function smokeTest(program: string): Promise<void> {
  const versionLine = await stdoutOf(program, "--version");
  assert.ok(versionLine.startsWith(`${config.name} ${config.version} `), versionLine);
  say(versionLine.trimEnd());
  assert.equal(await stdoutOf(program, "proto"), await Deno.readTextFile(contract));
  say("proto");
  await tryTls(program);
  say("TLS");
  // Windows knows no SIGTERM, and connections cannot be handed to another process there.
  for (const args of windows ? [[]] : [[], ["--workers", "2"]]) {
    await tryCalls(program, args);
    say(["serve", ...args].join(" ") + ", call, check, reflection");
    if (windows) continue;
    await tryDrain(program, args);
    say(["serve", ...args].join(" ") + ", drain");
  }
  if (windows) return;
  await tryRecycle(program);
  say("recycle, metrics");
}

function say(what: string): void {
  console.log(`smoke: ${what}: works`);
}

const contract = `${root}proto/user_service.proto`;
const certificates = `${root}tests/certs`;

if (import.meta.main) {
  const [program, ...extra] = Deno.args;
  if (program === undefined || extra.length > 0) {
    console.error("usage: deno run -A tools/smoke.ts PATH");
    Deno.exit(2);
  }
  await smokeTest(program);
}
