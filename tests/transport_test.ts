import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { ConnectionOptions } from "node:tls";
import { cert } from "./grpc_peer.ts";
import { posixTest, type Serve, usersvc, withServe } from "./program.ts";

const read = (name: string) => Buffer.from(Deno.readFileSync(cert(name)));

const TLS = ["--tls-cert", cert("server.pem"), "--tls-key", cert("server.key")];
const MTLS = [...TLS, "--tls-client-ca", cert("ca.pem")];

/** Calls GetUser with grpc-js: with TLS, with a client certificate, or over a Unix socket. */
async function greeting(
  target: string,
  options: { tls?: boolean; client?: boolean } = {},
): Promise<string> {
  const { credentials } = await import("@grpc/grpc-js");
  const { loadContract } = await import("../src/contract.ts");
  const { UserService } = await loadContract();
  const channel = options.client
    ? credentials.createSsl(read("ca.pem"), read("client.key"), read("client.pem"))
    : options.tls
    ? credentials.createSsl(read("ca.pem"))
    : credentials.createInsecure();
  const client = new UserService(target, channel);
  try {
    return await new Promise((resolve, reject) =>
      client.getUser(
        { username: "Alice" },
        { deadline: Date.now() + 5_000 },
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

posixTest("--tls-cert and --tls-key serve TLS, and TLS alone", () =>
  withServe(async (server) => {
    const target = `localhost:${server.port}`;
    assert.equal(await greeting(target, { tls: true }), "Привет, Alice!");
    const plain = await usersvc(["call", "Alice", "--address", target]);
    assert.deepEqual([plain.code, plain.stdout], [78, ""]);
    assert.equal(await greeting(target, { tls: true }), "Привет, Alice!");
  }, TLS));

posixTest("--tls-client-ca demands a client certificate", () =>
  withServe(async (server) => {
    const target = `localhost:${server.port}`;
    assert.equal(await greeting(target, { client: true }), "Привет, Alice!");
    await assert.rejects(greeting(target, { tls: true }), /UNAVAILABLE/);
  }, MTLS));

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

posixTest(
  "TLS 1.2 and 1.3 are spoken, none before, and nothing but HTTP/2 in them",
  () =>
    withServe(async ({ port }) => {
      const ALPNProtocols = ["http/1.1", "h2"];
      assert.equal(await agreed(port, { ALPNProtocols }), "TLSv1.3 h2");
      assert.equal(await agreed(port, { ALPNProtocols, maxVersion: "TLSv1.2" }), "TLSv1.2 h2");
      assert.match(await agreed(port, { ALPNProtocols: ["http/1.1"] }), /NoApplicationProtocol/);
      assert.equal(await alertTo(port, 1), PROTOCOL_VERSION);
      assert.equal(await alertTo(port, 2), PROTOCOL_VERSION);
      assert.notEqual(await alertTo(port, 3), PROTOCOL_VERSION);
    }, TLS),
);

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

posixTest("SIGHUP without TLS says that there is nothing to read", async () => {
  for (const args of [[], ["--workers", "2"]]) {
    await withServe(async (server) => {
      server.kill("SIGHUP");
      await server.stderr.until(/SIGHUP: there are no TLS files to read again\n/);
      assert.equal(await greeting(`localhost:${server.port}`), "Привет, Alice!");
    }, args);
  }
});

/**
 * Sends SIGHUP with good files, then with bad ones.
 *
 * @param processes how many take connections, in turn
 */
async function reloads(args: readonly string[], processes: number): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "usersvc-tls-" });
  const files = { cert: `${folder}/cert.pem`, key: `${folder}/key.pem` };
  const install = async (name: string) => {
    await Deno.copyFile(cert(`${name}.pem`), files.cert);
    await Deno.copyFile(cert(`${name}.key`), files.key);
  };
  try {
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
      await assertShown("server.pem");
      await install("second");
      server.kill("SIGHUP");
      await server.stderr.until(/SIGHUP: new connections use the TLS files as they are now\n/);
      await assertShown("second.pem");
      await Deno.writeTextFile(files.key, "nonsense");
      server.kill("SIGHUP");
      await server.stderr.until(/SIGHUP: the TLS files in use stay: \S*key\.pem holds no PEM /);
      await assertShown("second.pem");
      assert.equal(await greeting(`localhost:${server.port}`, { tls: true }), "Привет, Alice!");
      server.kill("SIGTERM");
      assert.equal((await server.ended()).stderr.match(/SIGHUP/g)?.length, 2);
    }, ["--tls-cert", files.cert, "--tls-key", files.key, ...args]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

posixTest("--unix listens on a socket file that goes away at the end", async () => {
  const folder = await Deno.makeTempDir({ prefix: "usersvc-unix-" });
  const path = `${folder}/s`;
  try {
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
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

posixTest(
  "a socket file that a killed server left is replaced, any other file is not",
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "usersvc-unix-" });
    const path = `${folder}/s`;
    try {
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
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

posixTest(
  "--max-connection-age has clients open a new connection, and no call fails",
  () =>
    withServe(async (server) => {
      const { goaway, openSession } = await import("./raw_client.ts");
      const session = await openSession(server.port);
      await goaway(session);
      assert.equal(await greeting(`localhost:${server.port}`), "Привет, Alice!");
    }, ["--max-connection-age", "500ms"]),
);
