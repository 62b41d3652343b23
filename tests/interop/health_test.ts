/** Checks `usersvc check` against Python's health service, and beside grpc-health-probe. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { cert } from "../support/certs.ts";
import { withMutePeer } from "../support/http2_server.ts";
import { posixTest, programTest, Transcript, usersvc, withServe } from "../support/program.ts";
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

const plainText: Tls = { own: [], peer: [] };

/** The exit codes of both programs for the same question. */
async function exitCodes(
  port: number,
  service = "",
  tls = plainText,
): Promise<[own: number, peer: number]> {
  const own = await usersvc([
    ...["check", "--address", `127.0.0.1:${port}`, "--timeout", "2s", ...tls.own],
    ...(service === "" ? [] : ["--service", service]),
  ]);
  const peer = await new Deno.Command(await healthProbe(), {
    args: [
      ...["-addr", `127.0.0.1:${port}`, "-service", service, ...tls.peer],
      ...["-connect-timeout", "2s", "-rpc-timeout", "2s"],
    ],
    stderr: "null",
  }).output();
  return [own.code, peer.code];
}

programTest(
  "check prints the statuses of Python's health service",
  () =>
    withHealthServer(async ({ port }) => {
      const statuses = [["SERVING", 0], ["NOT_SERVING", 4], ["UNKNOWN", 4], ["SERVICE_UNKNOWN", 4]];
      for (const [status, code] of statuses) {
        assert.deepEqual(
          await usersvc([
            "check",
            "--port",
            `${port}`,
            "--service",
            `${status}`,
            "--timeout",
            "30s",
          ]),
          { code, stdout: `${status}\n`, stderr: "" },
        );
      }
    }),
);

programTest(
  "check and grpc-health-probe exit alike, whatever the server says",
  () =>
    withHealthServer(async ({ port }) => {
      assert.deepEqual(await exitCodes(port), [0, 0]);
      assert.deepEqual(await exitCodes(port, "SERVING"), [0, 0]);
      assert.deepEqual(await exitCodes(port, "NOT_SERVING"), [4, 4]);
      assert.deepEqual(await exitCodes(port, "UNKNOWN"), [4, 4]);
      assert.deepEqual(await exitCodes(port, "no.such.Service"), [3, 3]);
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
      assert.deepEqual(await exitCodes(port), [3, 3]);
    }, ["none"]),
);

posixTest(
  "check --watch prints what becomes of a service of Python's",
  () =>
    withHealthServer(({ port, set }) =>
      withWatch(port, "--service late --timeout 30s", async ({ stdout, stderr, end }) => {
        await stdout.until(/^SERVICE_UNKNOWN\n$/);
        await set("late", "SERVING");
        await stdout.until(/\nSERVING\n$/);
        await set("late", "NOT_SERVING");
        await stdout.until(/\nNOT_SERVING\n$/);
        assert.equal(await end("SIGTERM"), 143);
        assert.deepEqual(
          [await stdout.all(), await stderr.all()],
          ["SERVICE_UNKNOWN\nSERVING\nNOT_SERVING\n", ""],
        );
      })
    ),
);

posixTest(
  "check --watch ends where there is no health service, exit code 3",
  () =>
    withHealthServer(({ port }) =>
      withWatch(port, "--timeout 30s", async ({ stderr, ended }) => {
        assert.equal(await ended(), 3);
        assert.match(await stderr.all(), /^usersvc check: UNIMPLEMENTED from [^\n]+\n$/);
      }), ["none"]),
);

programTest(
  "check and grpc-health-probe exit alike against usersvc serve",
  () =>
    withServe(async ({ port }) => {
      assert.deepEqual(await exitCodes(port), [0, 0]);
      assert.deepEqual(await exitCodes(port, "userservice.UserService"), [0, 0]);
      assert.deepEqual(await exitCodes(port, "no.such.Service"), [3, 3]);
    }),
);

programTest(
  "check and grpc-health-probe exit alike over TLS",
  () =>
    withServe(async ({ port }) => {
      const trusting = (ca: string): Tls => ({
        own: ["--tls", "--tls-ca", ca],
        peer: ["-tls", "-tls-ca-cert", ca],
      });
      const insecure = { own: ["--tls", "--tls-insecure"], peer: ["-tls", "-tls-no-verify"] };
      assert.deepEqual(await exitCodes(port, "", trusting(cert("ca.pem"))), [0, 0]);
      assert.deepEqual(await exitCodes(port, "", insecure), [0, 0]);
      assert.deepEqual(await exitCodes(port), [2, 2]);
      assert.deepEqual(await exitCodes(port, "", trusting(cert("forged.pem"))), [2, 2]);
      assert.deepEqual(await exitCodes(port, "", trusting(cert("none.pem"))), [1, 1]);
    }, ["--tls-cert", cert("server.pem"), "--tls-key", cert("server.key")]),
);

programTest("check and grpc-health-probe exit alike without an answer", async () => {
  assert.deepEqual(await exitCodes(await closedPort()), [2, 2]);
  await withPeer(() => {}, async (port) => assert.deepEqual(await exitCodes(port), [2, 2]));
  await withPeer((socket) => socket.end(), async (port) => {
    assert.deepEqual(await exitCodes(port), [2, 2]);
  });
  await withMutePeer(async (port) => assert.deepEqual(await exitCodes(port), [3, 3]));
});

programTest("check and grpc-health-probe exit alike after a wrong command line", async () => {
  const own = await usersvc(["check", "--no-such-flag"]);
  const { code } = await new Deno.Command(await healthProbe(), {
    args: ["-no-such-flag"],
    stderr: "null",
  }).output();
  assert.deepEqual([own.code, code], [1, 1]);
});
