import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { ConnectionOptions } from "node:tls";
import { setImmediate } from "node:timers";
import { LIMITS } from "../../src/server/limits.ts";
import { CALL_TLS, cert, identity, SERVE_TLS, withCertFile } from "../support/certs.ts";
import {
  posixServeTest,
  posixTest,
  type Serve,
  startUsersvc,
  usersvc,
  withFolder,
  withServe,
} from "../support/program.ts";
import { calls } from "../support/logs.ts";
import { pause } from "../support/waits.ts";

const read = (name: string) => Deno.readTextFileSync(cert(name));

/** What a server greets with. */
async function greeting(target: string, ...flags: readonly string[]): Promise<string> {
  const { stdout, stderr } = await usersvc(["call", "Alice", "--address", target, ...flags]);
  return stdout || stderr;
}

const GREETING = "Привет, Alice!\n";

/** The serial number of the certificate that a server shows to a new connection. */
async function shownSerial({ port }: Serve): Promise<string> {
  const { connect } = await import("node:tls");
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect(
    { host: "127.0.0.1", port, servername: "localhost", ca: read("ca.pem"), ALPNProtocols: ["h2"] },
    () => resolve(socket.getPeerCertificate().serialNumber),
  );
  socket.on("error", reject);
  return await promise.finally(() => socket.destroy());
}

async function serialOf(name: string): Promise<string> {
  const { X509Certificate } = await import("node:crypto");
  return new X509Certificate(read(name)).serialNumber;
}

posixTest("--tls-client-ca trusts those of its authorities that are valid now", async () => {
  for (const other of ["expired_ca", "future_ca"]) {
    await withCertFile([`${other}.pem`, "ca.pem"], (path) =>
      withServe(async ({ port }) => {
        const greet = (name: string) =>
          usersvc(["call", "Alice", "--port", `${port}`, ...CALL_TLS, ...identity(name)]);
        assert.equal((await greet("client")).stdout, "Привет, Alice!\n");
        const { code, stderr } = await greet(`of_${other}`);
        assert.equal(code, 78, stderr);
        assert.match(stderr, /: the server does not accept the client certificate\n$/);
      }, [...SERVE_TLS, "--tls-client-ca", path]));
  }
  const { code, stderr } = await usersvc(
    ["serve", "--port", "0", ...SERVE_TLS, "--tls-client-ca", cert("expired_ca.pem")],
  );
  assert.equal(code, 1);
  assert.match(stderr, /^usersvc serve: the certificate in \S+ expired on Feb {2}1 [^\n]+\n$/);
});

/** Opens a TLS connection; returns what was agreed on, or why nothing was. */
async function agreed(port: number, options: ConnectionOptions): Promise<string> {
  const { connect } = await import("node:tls");
  const { promise, resolve } = Promise.withResolvers<string>();
  const common = { host: "127.0.0.1", port, servername: "localhost", ca: read("ca.pem") };
  const socket = connect({ ...common, ...options }, () => {
    resolve(`${socket.getProtocol()} ${socket.alpnProtocol}`);
  });
  socket.on("error", (error) => resolve(error.message));
  return await promise.finally(() => socket.destroy());
}

/** A ClientHello of a version up to 1.2; returns the alert that it is answered with. */
async function alertTo(port: number, minor: number): Promise<number> {
  // X25519, uncompressed points, rsa_pss_rsae_sha256 and h2: all that a server needs to know.
  const extensions = Buffer.from(
    "000a00040002001d000b00020100000d000400020804001000050003026832",
    "hex",
  );
  const cipher = Buffer.of(0, 0, 2, 0xc0, 0x2f, 1, 0, 0, extensions.length);
  const hello = Buffer.concat([Buffer.of(3, minor), Buffer.alloc(32, 7), cipher, extensions]);
  const head = Buffer.of(0x16, 3, 1, 0, hello.length + 4, 1, 0, 0, hello.length);
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(Buffer.concat([head, hello]));
  const answer = new Uint8Array(7);
  await connection.read(answer);
  assert.equal(answer[0], ALERT);
  return answer[6]!;
}

/** @see https://www.rfc-editor.org/rfc/rfc8446#section-6 */
const ALERT = 21, PROTOCOL_VERSION = 70;

posixServeTest(
  "TLS 1.2 and 1.3 are spoken, none before, HTTP/2 first in them, HTTP/1.1 if wanted",
  async ({ port }) => {
    const ALPNProtocols = ["http/1.1", "h2"];
    assert.equal(await agreed(port, { ALPNProtocols }), "TLSv1.3 h2");
    assert.equal(await agreed(port, { ALPNProtocols, maxVersion: "TLSv1.2" }), "TLSv1.2 h2");
    assert.equal(await agreed(port, { ALPNProtocols: ["http/1.1"] }), "TLSv1.3 http/1.1");
    assert.match(await agreed(port, { ALPNProtocols: ["ftp"] }), /NoApplicationProtocol/);
    assert.equal(await alertTo(port, 1), PROTOCOL_VERSION);
    assert.equal(await alertTo(port, 2), PROTOCOL_VERSION);
    assert.notEqual(await alertTo(port, 3), PROTOCOL_VERSION);
  },
  SERVE_TLS,
);

posixServeTest("with --no-http nothing but HTTP/2 is spoken in TLS", async ({ port }) => {
  assert.equal(await agreed(port, { ALPNProtocols: ["http/1.1", "h2"] }), "TLSv1.3 h2");
  assert.match(await agreed(port, { ALPNProtocols: ["http/1.1"] }), /NoApplicationProtocol/);
}, [...SERVE_TLS, "--no-http"]);

posixTest("a TLS file that cannot be used is one line that names it, exit code 1", async () => {
  // tests/client/tls_test.ts has all that can be wrong with one.
  const bad: [args: readonly string[], line: RegExp][] = [
    [identity("missing", "server"), /cannot read \S*missing\.pem: /],
    [identity("server", "missing"), /cannot read \S*missing\.key: /],
    [identity("server", "second"), /second\.key does not belong to .*server\.pem$/],
    [identity("expired"), /the certificate in \S*expired\.pem expired on /],
    [
      [...SERVE_TLS, "--tls-client-ca", cert("server.key")],
      /server\.key holds no PEM certificate$/,
    ],
  ];
  for (const [args, line] of bad) {
    const { code, stdout, stderr } = await usersvc(["serve", "--port", "0", ...args]);
    assert.deepEqual([code, stdout], [1, ""], stderr);
    assert.match(stderr, /^usersvc serve: [^\n]+\n$/);
    assert.match(stderr.trimEnd(), line);
  }
});

posixTest(
  "SIGHUP reads the TLS files again; bad files leave the old ones in use",
  () => reloads([], 1),
);

posixTest(
  "SIGHUP makes every worker read the TLS files again, and is logged once",
  () => reloads(["--workers", "2"], 2),
);

/**
 * Sends SIGHUP to all processes with good files, then with bad ones.
 *
 * @param processes how many take connections, in turn
 */
async function reloads(args: readonly string[], processes: number): Promise<void> {
  await withFolder(async (folder) => {
    const files = { cert: `${folder}/cert.pem`, key: `${folder}/key.pem` };
    const install = async (name: string) => {
      await Deno.copyFile(cert(`${name}.pem`), files.cert);
      await Deno.copyFile(cert(`${name}.key`), files.key);
    };
    await install("server");
    await withServe(async (server) => {
      const assertShown = async (name: string) => {
        for (let i = 0; i < processes; i++) {
          assert.equal(await shownSerial(server), await serialOf(name));
        }
      };
      if (processes > 1) {
        await server.stderr.until(new RegExp(`(?:[^]*?has started\\n){${processes}}`));
      }
      const workers = [...server.stderr.text.matchAll(/\(process (\d+)\) has started/g)];
      const pids = [...workers.map(([, pid]) => Number(pid)), server.pid];
      const hangUp = () => pids.forEach((pid) => Deno.kill(pid, "SIGHUP"));
      await assertShown("server.pem");
      await install("second");
      hangUp();
      await server.stderr.until(/SIGHUP: new connections use the new TLS files\n/);
      await assertShown("second.pem");
      await Deno.writeTextFile(files.key, "nonsense");
      hangUp();
      await server.stderr.until(/SIGHUP: the old TLS files stay in use: \S*key\.pem holds no PEM /);
      await assertShown("second.pem");
      assert.equal(await greeting(`localhost:${server.port}`, ...CALL_TLS), GREETING);
      server.kill("SIGTERM");
      const { stderr } = await server.ended();
      assert.equal(stderr.match(/SIGHUP/g)?.length, 2);
      assert.doesNotMatch(stderr, /has ended/);
    }, ["--tls-cert", files.cert, "--tls-key", files.key, ...args]);
  });
}

/** A test with a server on a socket file: in one process, and with workers. */
function socketTest(
  name: string,
  use: (server: Serve, path: string) => Promise<void>,
  ...flags: readonly string[]
): void {
  for (const workers of [[], ["--workers", "2"]]) {
    posixTest(`${name} (${workers.join(" ") || "one process"})`, () =>
      withFolder((folder) => {
        const path = `${folder}/a\tb`;
        const args = ["--unix", path, ...flags, ...workers];
        return withServe((server) => use(server, path), args);
      }));
  }
}

socketTest("--unix listens on a socket file that goes away at the end", async (server, path) => {
  assert.equal(await greeting(`unix:${path}`), GREETING);
  assert.equal(await greeting(`localhost:${server.port}`), GREETING);
  const second = await usersvc(["serve", "--unix", path]);
  assert.deepEqual([second.code, second.stdout], [1, ""]);
  assert.match(
    second.stderr,
    /^usersvc serve: cannot listen on unix:\S+: a program listens [^\n]+\n$/,
  );
  assert.equal(await greeting(`unix:${path}`), GREETING);
  server.kill("SIGTERM");
  assert.equal((await server.ended()).code, 0);
  await assert.rejects(Deno.lstat(path), Deno.errors.NotFound);
});

posixTest(
  "a socket file that a killed server left is replaced, any other file is not",
  () =>
    withFolder(async (folder) => {
      const path = `${folder}/s`;
      await withServe(async (server) => {
        server.kill("SIGKILL");
        await server.ended();
        assert.ok((await Deno.lstat(path)).isSocket);
      }, ["--unix", path]);
      await withServe(async () => {
        assert.equal(await greeting(`unix:${path}`), GREETING);
      }, ["--unix", path]);
      await Deno.writeTextFile(path, "precious");
      const { code, stderr } = await usersvc(["serve", "--unix", path]);
      assert.equal(code, 1);
      assert.match(stderr, /: it exists and is not a socket; choose another path with --unix\n$/);
      assert.equal(await Deno.readTextFile(path), "precious");
    }),
);

posixServeTest(
  "--max-connection-age has clients open a new connection, and no call fails",
  async (server) => {
    const { goaway, openSession } = await import("../support/raw_client.ts");
    const session = await openSession(server.port);
    await goaway(session);
    assert.equal(await greeting(`localhost:${server.port}`), GREETING);
  },
  ["--max-connection-age", "500ms"],
);

socketTest(
  "with TLS over a Unix socket a connection outlives those that come and go",
  async (_, path) => {
    const target = ["--address", `unix:${path}`, ...CALL_TLS];
    const watch = startUsersvc(["check", "--watch", "--timeout", "30s", ...target]);
    await watch.stdout.until(/^SERVING\n/);
    assert.equal(await greeting(`unix:${path}`, ...CALL_TLS), GREETING);
    // Longer than a connection may take to become one of HTTP/2.
    await pause(LIMITS.prefaceMs + 1_000);
    assert.equal(await greeting(`unix:${path}`, ...CALL_TLS), GREETING);
    watch.kill("SIGTERM");
    assert.deepEqual(await watch.ended(), { code: 143, stdout: "SERVING\n", stderr: "" });
  },
  ...SERVE_TLS,
);

for (const [name, flags, call] of [["plain text", [], []], ["TLS", SERVE_TLS, CALL_TLS]] as const) {
  socketTest(
    `the log says on which socket a caller came: ${name}`,
    async (server, path) => {
      // Several, so that each worker has some of both kinds.
      for (let count = 0; count < 3; count++) {
        await greeting(`unix:${path}`, ...call);
        await greeting(`localhost:${server.port}`, ...call);
      }
      server.kill("SIGTERM");
      const peers = calls((await server.ended()).stdout).map(({ peer }) => `${peer}`);
      assert.equal(peers.length, 6);
      assert.equal(peers.filter((peer) => peer === `unix:${path}`).length, 3);
      assert.equal(peers.filter((peer) => /^(127\.0\.0\.1|::1):\d+$/.test(peer)).length, 3);
    },
    ...["--log", "json", ...flags],
  );
}

socketTest("a refusal over a Unix socket is said of its path, escaped", async (server, path) => {
  const refused = await usersvc(["call", "", "--address", `unix:${path}`]);
  assert.equal(refused.code, 67, refused.stderr);
  const [, peer] = await server.stderr.until(/refused GetUser of "" from (.*): INVALID_ARG/);
  assert.equal(peer, `unix:${path.replace("\t", "\\t")}`);
});

socketTest("a server leaves a socket file alone that is not its own", async (first, path) => {
  await Deno.remove(path);
  await withServe(async () => {
    first.kill("SIGTERM");
    assert.equal((await first.ended()).code, 0);
    assert.equal(await greeting(`unix:${path}`), GREETING);
  }, ["--unix", path]);
  await assert.rejects(Deno.lstat(path), Deno.errors.NotFound);
});

socketTest("a server leaves a file alone that took its socket's place", async (server, path) => {
  await Deno.remove(path);
  await Deno.writeTextFile(path, "precious");
  server.kill("SIGTERM");
  assert.equal((await server.ended()).code, 0);
  assert.equal(await Deno.readTextFile(path), "precious");
});

posixTest(
  "a socket that is made while a dead one is looked at is left alone",
  () =>
    withFolder(async (folder) => {
      const { claimSocketFile } = await import("../../src/server/connection/socket_file.ts");
      const path = `${folder}/s`;
      // After some of these the dead socket has been found dead and is not removed yet.
      for (let round = 0; round < 200; round++) {
        leaveDeadSocket(path);
        const claim = claimSocketFile(path).catch((error) => error.code);
        for (let turn = 0; turn < round % 10; turn++) {
          await new Promise((next) => setImmediate(next));
        }
        removeIfThere(path);
        using listener = Deno.listen({ transport: "unix", path });
        const outcome = await claim;
        assert.ok([undefined, "EADDRINUSE"].includes(outcome), outcome);
        using _ = await Deno.connect({ transport: "unix", path });
        using _accepted = await listener.accept();
        Deno.removeSync(path);
      }
    }),
);

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Leaves a socket file on which nobody listens, as a program that was killed does. */
function leaveDeadSocket(path: string): void {
  const aside = `${path}-aside`;
  const listener = Deno.listen({ transport: "unix", path: aside });
  Deno.renameSync(aside, path);
  listener.close();
}

posixTest(
  "what the system does not let us listen on is one line that says why",
  () =>
    withFolder(async (folder) => {
      const most = Deno.build.os === "darwin" ? 103 : 107;
      const fits = `${folder}/${"ы".repeat((most - folder.length - 1) >> 1)}`.padEnd(folder.length);
      const long = `${folder}/${"x".repeat(most - folder.length)}${"ы"}`;
      await withServe(() => Promise.resolve(), ["--unix", fits]);
      const why = async (...args: string[]) => {
        const { code, stdout, stderr } = await usersvc(["serve", ...args]);
        assert.deepEqual([code, stdout], [1, ""], stderr);
        return stderr.replaceAll(folder, "FOLDER");
      };
      assert.equal(
        await why("--unix", long),
        `usersvc serve: cannot listen on unix:FOLDER/${long.slice(folder.length + 1)}: the path ` +
          `is 3 bytes too long: ${most} are possible; choose a shorter one with --unix\n`,
      );
      assert.equal(
        await why("--host", "::1%lo", "--port", "0"),
        "usersvc serve: cannot listen on [::1%lo]:0: the zone lo does not go with this address; only " +
          "link-local addresses (fe80::) have one, the name of their interface: leave it out, or give " +
          "--host another address\n",
      );
    }),
);

posixTest("a start that fails leaves no socket file", () =>
  withFolder(async (folder) => {
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const metrics = ["--metrics-port", `${taken.addr.port}`];
    const socket = ["serve", "--unix", `${folder}/socket`];
    for (const flags of [metrics, ["--answers", `${folder}/none.json`]]) {
      for (const workers of [[], ["--workers", "2"]]) {
        const { code, stdout, stderr } = await usersvc([...socket, ...flags, ...workers]);
        assert.deepEqual([code, stdout], [1, ""], stderr);
        assert.match(stderr, /^usersvc serve: cannot (?:serve metrics on|read) [^\n]+\n$/);
        assert.deepEqual(await Array.fromAsync(Deno.readDir(folder)), []);
      }
    }
  }));
