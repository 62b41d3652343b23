import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { ConnectionOptions } from "node:tls";
import { setImmediate } from "node:timers";
import { LIMITS } from "../../src/server/limits.ts";
import { cert, withCertFile } from "../support/grpc_peer.ts";
import { healthMethods, watchHealth } from "../support/health_client.ts";
import {
  posixServeTest,
  posixTest,
  type Serve,
  usersvc,
  withFolder,
  withServe,
} from "../support/program.ts";

const read = (name: string) => Buffer.from(Deno.readFileSync(cert(name)));

const TLS = ["--tls-cert", cert("server.pem"), "--tls-key", cert("server.key")];
const MTLS = [...TLS, "--tls-client-ca", cert("ca.pem")];

/** Which credentials a client has: none, the authority of the server, or its own certificate too. */
interface Credentials {
  readonly tls?: boolean;
  readonly client?: boolean;
}

async function channelCredentials({ tls, client }: Credentials) {
  const { credentials } = await import("@grpc/grpc-js");
  return client
    ? credentials.createSsl(read("ca.pem"), read("client.key"), read("client.pem"))
    : tls
    ? credentials.createSsl(read("ca.pem"))
    : credentials.createInsecure();
}

/** Calls GetUser with grpc-js: with TLS, with a client certificate, or over a Unix socket. */
async function greeting(target: string, options: Credentials = {}): Promise<string> {
  const { loadContract } = await import("../../src/contract/contract.ts");
  const { UserService } = await loadContract();
  const client = new UserService(target, await channelCredentials(options));
  try {
    return await new Promise((resolve, reject) =>
      client.getUser(
        { username: "Alice" },
        { deadline: Date.now() + 60_000 },
        (error, response) => error ? reject(error) : resolve(response!.message),
      )
    );
  } finally {
    client.close();
  }
}

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

posixServeTest("--tls-cert and --tls-key serve TLS, and TLS alone", async (server) => {
  const target = `localhost:${server.port}`;
  assert.equal(await greeting(target, { tls: true }), "Привет, Alice!");
  const plain = await usersvc(["call", "Alice", "--address", target]);
  assert.deepEqual([plain.code, plain.stdout], [78, ""]);
  assert.equal(await greeting(target, { tls: true }), "Привет, Alice!");
}, TLS);

posixServeTest("--tls-client-ca demands a client certificate", async (server) => {
  const target = `localhost:${server.port}`;
  assert.equal(await greeting(target, { client: true }), "Привет, Alice!");
  await assert.rejects(greeting(target, { tls: true }), /UNAVAILABLE/);
}, MTLS);

posixTest("--tls-client-ca trusts those of its authorities that are valid now", async () => {
  for (const other of ["expired_ca", "future_ca"]) {
    await withCertFile([`${other}.pem`, "ca.pem"], (path) =>
      withServe(async ({ port }) => {
        const greet = (name: string) => {
          const identity = ["--tls-cert", cert(`${name}.pem`), "--tls-key", cert(`${name}.key`)];
          const flags = ["--tls", "--tls-ca", cert("ca.pem"), ...identity];
          return usersvc(["call", "Alice", "--port", `${port}`, ...flags]);
        };
        assert.equal((await greet("client")).stdout, "Привет, Alice!\n");
        const { code, stderr } = await greet(`of_${other}`);
        assert.equal(code, 78, stderr);
        assert.match(stderr, /: the server does not accept the client certificate\n$/);
      }, [...TLS, "--tls-client-ca", path]));
  }
  const { code, stderr } = await usersvc(
    ["serve", "--port", "0", ...TLS, "--tls-client-ca", cert("expired_ca.pem")],
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
  TLS,
);

posixServeTest("with --no-http nothing but HTTP/2 is spoken in TLS", async ({ port }) => {
  assert.equal(await agreed(port, { ALPNProtocols: ["http/1.1", "h2"] }), "TLSv1.3 h2");
  assert.match(await agreed(port, { ALPNProtocols: ["http/1.1"] }), /NoApplicationProtocol/);
}, [...TLS, "--no-http"]);

posixTest("a TLS file that cannot be used is one line that names it, exit code 1", async () => {
  const flags = (certificate: string, key: string, ca?: string) => [
    ...["--tls-cert", cert(certificate), "--tls-key", cert(key)],
    ...(ca === undefined ? [] : ["--tls-client-ca", cert(ca)]),
  ];
  const bad: [args: string[], line: RegExp][] = [
    [flags("missing.pem", "server.key"), /cannot read \S*missing\.pem: /],
    [flags("server.pem", "missing.key"), /cannot read \S*missing\.key: /],
    [flags("server.key", "server.key"), /server\.key holds no PEM certificate$/],
    [flags("server.pem", "server.pem"), /server\.pem holds no PEM private key /],
    [flags("server.pem", "second.key"), /second\.key does not belong to .*server\.pem$/],
    [flags("expired.pem", "expired.key"), /the certificate in \S*expired\.pem expired on /],
    [flags("server.pem", "server.key", "server.key"), /server\.key holds no PEM certificate$/],
  ];
  for (const [args, line] of bad) {
    const { code, stdout, stderr } = await usersvc(["serve", "--port", "0", ...args]);
    assert.deepEqual([code, stdout], [1, ""], stderr);
    assert.match(stderr, /^usersvc serve: [^\n]+\n$/);
    assert.match(stderr.trimEnd(), line);
  }
});

posixTest("flags that do not go together are usage errors", async () => {
  const bad: [args: string[], line: string][] = [
    [["--tls-cert", "x"], "--tls-cert needs --tls-key"],
    [["--tls-key", "x"], "--tls-key needs --tls-cert"],
    [["--tls-client-ca", "x"], "--tls-client-ca needs --tls-cert, --tls-key"],
    [["--unix", "x", "--host", "::"], "--host needs --port where --unix is given"],
  ];
  for (const [args, line] of bad) {
    assert.deepEqual(await usersvc(["serve", ...args]), {
      code: 2,
      stdout: "",
      stderr: `usersvc serve: ${line}; see usersvc serve --help\n`,
    });
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
      assert.equal(await greeting(`localhost:${server.port}`, { tls: true }), "Привет, Alice!");
      server.kill("SIGTERM");
      const { stderr } = await server.ended();
      assert.equal(stderr.match(/SIGHUP/g)?.length, 2);
      assert.doesNotMatch(stderr, /has ended/);
    }, ["--tls-cert", files.cert, "--tls-key", files.key, ...args]);
  });
}

posixTest("--unix listens on a socket file that goes away at the end", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/s`;
    await withServe(async (server) => {
      assert.equal(await greeting(`unix:${path}`), "Привет, Alice!");
      assert.equal(await greeting(`localhost:${server.port}`), "Привет, Alice!");
      const second = await usersvc(["serve", "--unix", path]);
      assert.deepEqual([second.code, second.stdout], [1, ""]);
      assert.match(
        second.stderr,
        /^usersvc serve: cannot listen on unix:\S+: a program listens [^\n]+\n$/,
      );
      assert.equal(await greeting(`unix:${path}`), "Привет, Alice!");
      server.kill("SIGTERM");
      assert.equal((await server.ended()).code, 0);
      await assert.rejects(Deno.lstat(path), Deno.errors.NotFound);
    }, ["--unix", path]);
  });
});

posixTest(
  "a socket file that a killed server left is replaced, any other file is not",
  async () => {
    await withFolder(async (folder) => {
      const path = `${folder}/s`;
      await withServe(async (server) => {
        server.kill("SIGKILL");
        await server.ended();
        assert.ok((await Deno.lstat(path)).isSocket);
      }, ["--unix", path]);
      await withServe(async () => {
        assert.equal(await greeting(`unix:${path}`), "Привет, Alice!");
      }, ["--unix", path]);
      await Deno.writeTextFile(path, "precious");
      const refused = await usersvc(["serve", "--unix", path]);
      assert.equal(refused.code, 1);
      assert.match(
        refused.stderr,
        /: it exists and is not a socket; choose another path with --unix\n$/,
      );
      assert.equal(await Deno.readTextFile(path), "precious");
    });
  },
);

posixServeTest(
  "--max-connection-age has clients open a new connection, and no call fails",
  async (server) => {
    const { goaway, openSession } = await import("../support/raw_client.ts");
    const session = await openSession(server.port);
    await goaway(session);
    assert.equal(await greeting(`localhost:${server.port}`), "Привет, Alice!");
  },
  ["--max-connection-age", "500ms"],
);

for (const workers of [[], ["--workers", "1"]]) {
  posixTest(
    `over a Unix socket with TLS a connection outlives those that come and go (${
      workers.join(" ") || "one process"
    })`,
    () =>
      withFolder((folder) =>
        withServe(async () => {
          const { Client } = await import("@grpc/grpc-js");
          const target = `unix:${folder}/s`;
          const client = new Client(target, await channelCredentials({ tls: true }));
          const methods = await healthMethods();
          const watch = watchHealth({ client, methods, close: () => client.close() });
          await watch.first;
          assert.equal(await greeting(target, { tls: true }), "Привет, Alice!");
          // Longer than a connection may take to become one of HTTP/2.
          const end = new Promise((resolve) => setTimeout(resolve, LIMITS.prefaceMs + 1_000));
          assert.equal(await Promise.race([watch.ended, end]), undefined);
          assert.equal(await greeting(target, { tls: true }), "Привет, Alice!");
          assert.deepEqual(watch.seen, ["SERVING"]);
          client.close();
        }, ["--unix", `${folder}/s`, ...TLS, ...workers])
      ),
  );
}

for (const [name, flags] of [["plain text", []], ["TLS", TLS]] as const) {
  for (const workers of [[], ["--workers", "2"]]) {
    posixTest(
      `the log says on which socket a caller came: ${name}, ${workers.join(" ") || "one process"}`,
      () =>
        withFolder((folder) =>
          withServe(async (server) => {
            const path = `${folder}/a\tb`;
            // Several, so that each worker has some of both kinds.
            for (let count = 0; count < 3; count++) {
              await greeting(`unix:${path}`, { tls: flags === TLS });
              await greeting(`localhost:${server.port}`, { tls: flags === TLS });
            }
            server.kill("SIGTERM");
            const records = (await server.ended()).stdout.trimEnd().split("\n")
              .map((line) => JSON.parse(line));
            const peers = records.filter(({ event }) => event === "call").map(({ peer }) => peer);
            assert.equal(peers.length, 6);
            assert.equal(peers.filter((peer) => peer === `unix:${path}`).length, 3);
            assert.equal(peers.filter((peer) => /^(127\.0\.0\.1|::1):\d+$/.test(peer)).length, 3);
          }, ["--unix", `${folder}/a\tb`, "--log", "json", ...flags, ...workers])
        ),
    );
  }
}

posixTest(
  "a refusal over a Unix socket is said of its path, escaped",
  () =>
    withFolder((folder) =>
      withServe(async (server) => {
        const refused = await usersvc(["call", "", "--address", `unix:${folder}/a\tb`]);
        assert.equal(refused.code, 67, refused.stderr);
        const [, peer] = await server.stderr.until(/refused GetUser of "" from (.*): INVALID_ARG/);
        assert.equal(peer, `unix:${folder}/a\\tb`);
      }, ["--unix", `${folder}/a\tb`])
    ),
);

for (const workers of [[], ["--workers", "1"]]) {
  posixTest(
    `a server leaves a socket file alone that is not its own (${
      workers.join(" ") || "one process"
    })`,
    () =>
      withFolder((folder) =>
        withServe(async (first) => {
          const path = `${folder}/s`;
          await Deno.remove(path);
          await withServe(async () => {
            first.kill("SIGTERM");
            assert.equal((await first.ended()).code, 0);
            assert.equal(await greeting(`unix:${path}`), "Привет, Alice!");
          }, ["--unix", path]);
          await assert.rejects(Deno.lstat(path), Deno.errors.NotFound);
        }, ["--unix", `${folder}/s`, ...workers])
      ),
  );

  posixTest(
    `a server leaves a file alone that took the place of its socket (${
      workers.join(" ") || "one process"
    })`,
    () =>
      withFolder((folder) =>
        withServe(async (server) => {
          const path = `${folder}/s`;
          await Deno.remove(path);
          await Deno.writeTextFile(path, "precious");
          server.kill("SIGTERM");
          assert.equal((await server.ended()).code, 0);
          assert.equal(await Deno.readTextFile(path), "precious");
        }, ["--unix", `${folder}/s`, ...workers])
      ),
  );
}

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
