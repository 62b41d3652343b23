/** Checks `usersvc check` against Python's health service, and beside grpc-health-probe. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { cert } from "../support/certs.ts";
import { withMutePeer } from "../support/http2_server.ts";
import {
  posixTest,
  programTest,
  runProgram,
  serveTest,
  Transcript,
  usersvc,
} from "../support/program.ts";
import { closedPort, withPeer } from "../support/tcp_peer.ts";
import { withWatch } from "../support/watch.ts";
import { healthProbe, python } from "../../tools/peers/grpc.ts";

const program = fileURLToPath(new URL("health_server.py", import.meta.url));

/** The Python server. */
interface HealthServer {
  readonly port: number;
  /** Changes the status of a service. */
  set(service: string, status: string): Promise<void>;
}

async function withHealthServer(
  use: (server: HealthServer) => Promise<void>,
  args: readonly string[] = [],
): Promise<void> {
  const child = new Deno.Command(await python(), {
    args: [program, ...args],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const stdout = new Transcript(child.stdout);
  const stdin = child.stdin.getWriter();
  try {
    const [, port] = await stdout.until(/^(\d+)\r?\n/);
    await use({
      port: Number(port),
      set: (service, status) => stdin.write(new TextEncoder().encode(`${service} ${status}\n`)),
    });
  } finally {
    // Its input is at an end, and so is it.
    await stdin.close();
    await child.status;
    await stdout.all();
  }
}

/** The flags of TLS, which both programs spell alike but for their names. */
interface Tls {
  readonly own: readonly string[];
  readonly peer: readonly string[];
}

const trusting = (ca: string): Tls => ({
  own: ["--tls", "--tls-ca", cert(ca)],
  peer: ["-tls", "-tls-ca-cert", cert(ca)],
});
const trustingAll: Tls = { own: ["--tls", "--tls-insecure"], peer: ["-tls", "-tls-no-verify"] };

/** Checks that both programs exit so for the same question. */
async function assertAlike(port: number, code: number, service = "", tls?: Tls): Promise<void> {
  const own = await usersvc([
    ...["check", "--address", `127.0.0.1:${port}`, "--timeout", "2s", ...tls?.own ?? []],
    ...["--service", service],
  ]);
  const peer = await runProgram(await healthProbe(), [
    ...["-addr", `127.0.0.1:${port}`, "-service", service, ...tls?.peer ?? []],
    ...["-connect-timeout", "2s", "-rpc-timeout", "2s"],
  ]);
  assert.deepEqual([own.code, peer.code], [code, code], own.stderr + peer.stderr);
}

programTest(
  "check prints the statuses of Python's health service, and exits as grpc-health-probe",
  () =>
    withHealthServer(async ({ port }) => {
      for (
        const [status, code] of [
          ...[["SERVING", 0], ["NOT_SERVING", 4], ["UNKNOWN", 4], ["SERVICE_UNKNOWN", 4]] as const,
        ]
      ) {
        const flags = ["--port", `${port}`, "--service", status, "--timeout", "30s"];
        const said = await usersvc(["check", ...flags]);
        assert.deepEqual(said, { code, stdout: `${status}\n`, stderr: "" });
        await assertAlike(port, code, status);
      }
      await assertAlike(port, 0);
      await assertAlike(port, 3, "no.such.Service");
    }),
);

programTest(
  "a server without health service: exit code 3, in words",
  () =>
    withHealthServer(async ({ port }) => {
      const { code, stdout, stderr } = await usersvc([
        ...["check", "--port", `${port}`, "--timeout", "30s"],
      ]);
      assert.deepEqual([code, stdout], [3, ""]);
      assert.match(
        stderr,
        /^usersvc check: UNIMPLEMENTED from \S+: [^\n]+ \(it has no grpc\.health\.v1\.Health\)\n$/,
      );
      await assertAlike(port, 3);
      await withWatch(port, "--timeout 30s", async ({ stderr, ended }) => {
        assert.equal(await ended(), 3);
        assert.match(await stderr.all(), /^usersvc check: UNIMPLEMENTED from [^\n]+\n$/);
      });
    }, ["none"]),
);

posixTest(
  "check --watch prints what becomes of a service of Python's",
  () =>
    withHealthServer(({ port, set }) =>
      withWatch(port, "--service late --timeout 30s", async ({ stdout, stderr, end }) => {
        await stdout.until(/^SERVICE_UNKNOWN\n$/);
        for (const status of ["SERVING", "NOT_SERVING"]) {
          await set("late", status);
          await stdout.until(new RegExp(`\n${status}\n$`));
        }
        assert.equal(await end("SIGTERM"), 143);
        const printed = "SERVICE_UNKNOWN\nSERVING\nNOT_SERVING\n";
        assert.deepEqual([await stdout.all(), await stderr.all()], [printed, ""]);
      })
    ),
);

serveTest("check and grpc-health-probe exit alike against usersvc serve", async ({ port }) => {
  await assertAlike(port, 0);
  await assertAlike(port, 0, "userservice.UserService");
  await assertAlike(port, 3, "no.such.Service");
});

serveTest("check and grpc-health-probe exit alike over TLS", async ({ port }) => {
  await assertAlike(port, 0, "", trusting("ca.pem"));
  await assertAlike(port, 0, "", trustingAll);
  await assertAlike(port, 2);
  await assertAlike(port, 2, "", trusting("forged.pem"));
  await assertAlike(port, 1, "", trusting("none.pem"));
}, ["--tls-cert", cert("server.pem"), "--tls-key", cert("server.key")]);

programTest("check and grpc-health-probe exit alike without an answer", async () => {
  await assertAlike(await closedPort(), 2);
  await withPeer(() => {}, (port) => assertAlike(port, 2));
  await withPeer((socket) => socket.end(), (port) => assertAlike(port, 2));
  await withMutePeer((port) => assertAlike(port, 3));
});

programTest("check and grpc-health-probe exit alike after a wrong command line", async () => {
  const own = await usersvc(["check", "--no-such-flag"]);
  const peer = await runProgram(await healthProbe(), ["-no-such-flag"]);
  assert.deepEqual([own.code, peer.code], [1, 1]);
});
