import assert from "node:assert/strict";
import { call, GREETED } from "../support/calls.ts";
import { createServer } from "node:tls";
import type { AddressInfo } from "node:net";
import { programTest, type Result, serveTest, usersvc, withServe } from "../support/program.ts";
import { CALL_TLS, cert, identity, SERVE_MTLS, SERVE_TLS, withCertFile } from "../support/certs.ts";
import { withGrpcPeer } from "../support/grpc_peer.ts";

/** The reason of the one error line. */
function reason({ code, stdout, stderr }: Result): string {
  assert.deepEqual([code, stdout], [78, ""], stderr);
  const line = /^usersvc call: UNAVAILABLE from \S+: (.*)\n$/.exec(stderr);
  assert.ok(line, stderr);
  return line[1]!;
}

/** What is said where no reason was found. */
const UNEXPLAINED = "the connection broke, is this a gRPC server?";

/** The same of a call that is made again where no reason was found in a second, as on a busy machine. */
async function reasonOf(make: () => Promise<Result>): Promise<string> {
  for (let tries = 1;; tries++) {
    const found = reason(await make());
    if (tries === 10 || ![UNEXPLAINED, "no reason given"].includes(found)) return found;
  }
}

serveTest(
  "--tls reaches a server by name and by every IP address of its certificate",
  async ({ port }) => {
    const addresses = ["localhost", "127.0.0.1", "[::1]", "dns:///localhost"];
    for (const address of [...addresses, "ipv4:127.0.0.1", "ipv6:[::1]"]) {
      assert.deepEqual(await call(`${address}:${port}`, ...CALL_TLS), GREETED, address);
    }
    const named = ["--tls-server-name", "127.0.0.1"];
    assert.deepEqual(await call(`localhost:${port}`, ...CALL_TLS, ...named), GREETED);
    const list = `ipv4:127.0.0.1:${port},127.0.0.1:${port}`;
    assert.deepEqual(await call(list, ...CALL_TLS, "--tls-server-name", "localhost"), GREETED);
  },
  SERVE_TLS,
);

programTest(
  "an authority in between may have signed the certificate",
  () =>
    withGrpcPeer("chained", async ({ port }) => {
      for (const host of ["localhost", "127.0.0.1"]) {
        assert.equal((await call(`${host}:${port}`, ...CALL_TLS)).stdout, "hello\n");
      }
    }),
);

const NAME = /^the server's certificate is for another name: /;
const AUTHORITY = /^the server's certificate is not signed by a trusted authority$/;

/** Servers that are not to be trusted: their certificate, the flags of the call, the reason. */
const untrusted: [certificate: string, flags: string[], reason: RegExp][] = [
  ["elsewhere", CALL_TLS, NAME],
  ["server", [...CALL_TLS, "--tls-server-name", "elsewhere.example"], NAME],
  ["server", [...CALL_TLS, "--tls-server-name", "192.0.2.1"], NAME],
  ["server", ["--tls"], AUTHORITY],
  ["server", ["--tls", "--tls-ca", cert("impostor.pem")], AUTHORITY],
  ["expired", CALL_TLS, /^the server's certificate expired on Feb {2}1 /],
  ["forged", CALL_TLS, AUTHORITY],
  // Deno 2.9.2 alone would accept these two.
  ["forged_v1", CALL_TLS, /^the server's certificate names no host \(subjectAltName\)$/],
  ["forged_chain", CALL_TLS, AUTHORITY],
];

for (const [certificate, flags, expected] of untrusted) {
  const shown = flags.map((flag) => flag.replace(/.*\//, "")).join(" ");
  programTest(
    `a server with ${certificate}.pem gets no call with ${shown}`,
    () =>
      withGrpcPeer(certificate, async ({ port, calls }) => {
        for (const host of ["localhost", "127.0.0.1", "[::1]"]) {
          assert.match(await reasonOf(() => call(`${host}:${port}`, ...flags)), expected);
        }
        assert.equal(calls.length, 0);
      }),
  );
}

for (const other of ["expired_ca", "future_ca"]) {
  programTest(
    `${other}.pem in a file of authorities is not trusted, those beside it are`,
    () =>
      withCertFile([`${other}.pem`, "ca.pem"], async (path) => {
        const flags = ["--tls", "--tls-ca", path];
        await withGrpcPeer("server", async ({ port }) => {
          for (const host of ["localhost", "127.0.0.1"]) {
            const { code, stdout, stderr } = await call(`${host}:${port}`, ...flags);
            assert.deepEqual([code, stdout, stderr], [0, "hello\n", ""]);
          }
        });
        await withGrpcPeer(`of_${other}`, async ({ port, calls }) => {
          const env = { SSL_CERT_FILE: path };
          assert.match(await reasonOf(() => call(`localhost:${port}`, ...flags)), AUTHORITY);
          const system = ["call", "Alice", "--port", `${port}`, "--tls"];
          assert.match(await reasonOf(() => usersvc(system, { env })), AUTHORITY);
          assert.equal(calls.length, 0);
        });
      }),
  );
}

programTest("a file of authorities of which none is valid now is refused with a date", async () => {
  const files: [names: string[], line: RegExp][] = [
    [["expired_ca.pem", "future_ca.pem"], / the certificate in \S+ expired on Feb {2}1 [^\n]+\n$/],
    [["future_ca.pem"], / the certificate in \S+ is not valid before Jan {2}1 [^\n]+ 2120 GMT\n$/],
  ];
  for (const [names, line] of files) {
    await withCertFile(names, async (path) => {
      const { code, stderr } = await call("localhost:1", "--tls", "--tls-ca", path);
      assert.equal(code, 1);
      assert.match(stderr, line);
    });
  }
});

programTest(
  "the environment cannot switch verification off, a Node variable least of all",
  () =>
    withGrpcPeer("forged", async ({ port, calls }) => {
      const env = { NODE_TLS_REJECT_UNAUTHORIZED: "0" };
      const args = ["call", "Alice", "--port", `${port}`];
      assert.match(await reasonOf(() => usersvc([...args, ...CALL_TLS], { env })), AUTHORITY);
      assert.match(await reasonOf(() => usersvc([...args, "--tls"], { env })), AUTHORITY);
      assert.equal(calls.length, 0);
    }),
);

programTest(
  "--tls-insecure accepts any server and says so each time",
  () =>
    withGrpcPeer("forged_v1", async ({ port }) => {
      for (const host of ["localhost", "127.0.0.1"]) {
        assert.deepEqual(await call(`${host}:${port}`, "--tls", "--tls-insecure"), {
          code: 0,
          stdout: "hello\n",
          stderr: `usersvc: warning: --tls-insecure: whoever answers at ${host}:${port} is not ` +
            "verified\n",
        });
      }
    }),
);

serveTest("without --tls-ca the authorities of the system are trusted", async ({ port }) => {
  const env = { SSL_CERT_FILE: cert("ca.pem") };
  const args = ["call", "Alice", "--port", `${port}`, "--tls"];
  assert.deepEqual(await usersvc(args, { env }), GREETED);
}, SERVE_TLS);

serveTest(
  "--tls-cert and --tls-key show a client certificate to a server that demands one",
  async ({ port }) => {
    assert.deepEqual(await call(`localhost:${port}`, ...CALL_TLS, ...identity("client")), GREETED);
    assert.deepEqual(await call(`127.0.0.1:${port}`, ...CALL_TLS, ...identity("client")), GREETED);
    // The server's alert, which says so outright, does not always arrive before the end.
    assert.match(
      await reasonOf(() => call(`localhost:${port}`, ...CALL_TLS)),
      /^the server (demands|ends connections .* seems to demand) a client certificate$/,
    );
    assert.match(
      await reasonOf(() => call(`localhost:${port}`, ...CALL_TLS, ...identity("forged"))),
      /^the server does not accept the client certificate$/,
    );
  },
  SERVE_MTLS,
);

programTest("TLS without --tls, and --tls without TLS, are named as that", async () => {
  await withServe(async ({ port }) => {
    const plain = "the server speaks TLS, call it with TLS";
    assert.equal(await reasonOf(() => call(`localhost:${port}`)), plain);
    assert.equal(await reasonOf(() => call(`127.0.0.1:${port}`)), plain);
  }, SERVE_TLS);
  await withServe(async ({ port }) => {
    assert.equal(
      await reasonOf(() => call(`localhost:${port}`, ...CALL_TLS)),
      "the server does not speak TLS, call it without",
    );
  });
});

programTest("the server is asked for by its name, and never by an IP address", async () => {
  const asked: string[] = [];
  const server = createServer({
    cert: await Deno.readTextFile(cert("server.pem")),
    key: await Deno.readTextFile(cert("server.key")),
    ALPNProtocols: ["h2"],
    SNICallback: (name, done) => {
      asked.push(name);
      done(null);
    },
  }, (socket) => {
    socket.on("error", () => {});
    socket.end();
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  try {
    const { port } = server.address() as AddressInfo;
    await call(`127.0.0.1:${port}`, ...CALL_TLS);
    await call(`[::1]:${port}`, ...CALL_TLS);
    assert.deepEqual(asked.filter((name) => name !== ""), []);
    await call(`localhost:${port}`, ...CALL_TLS);
    assert.deepEqual([...new Set(asked.filter((name) => name !== ""))], ["localhost"]);
  } finally {
    server.close();
  }
});

serveTest("each TLS flag has an environment variable", async ({ port }) => {
  const env = {
    USERSVC_ADDRESS: `ipv4:127.0.0.1:${port},127.0.0.1:${port}`,
    USERSVC_TLS: "1",
    USERSVC_TLS_CA: cert("ca.pem"),
    USERSVC_TLS_CERT: cert("client.pem"),
    USERSVC_TLS_KEY: cert("client.key"),
    USERSVC_TLS_SERVER_NAME: "localhost",
  };
  assert.deepEqual(await usersvc(["call", "Alice"], { env }), GREETED);
  const flag = ["--tls-server-name", "elsewhere.example"];
  assert.match(await reasonOf(() => usersvc(["call", "Alice", ...flag], { env })), NAME);
  const insecure = { ...env, USERSVC_TLS_CA: "", USERSVC_TLS_INSECURE: "true" };
  const { code, stderr } = await usersvc(["call", "Alice"], { env: insecure });
  assert.equal(code, 0);
  assert.match(stderr, /^usersvc: warning: --tls-insecure: /);
  const { stdout } = await usersvc(["call", "--help"]);
  for (const name of [...Object.keys(env), "USERSVC_TLS_INSECURE"]) {
    assert.ok(stdout.includes(`environment: ${name})`), name);
  }
}, SERVE_MTLS);

programTest("a TLS file that cannot be used is one line that names it, exit code 1", async () => {
  const shows = (certificate: string, key: string) => [
    ...["--tls", "--tls-cert", cert(certificate), "--tls-key", cert(key)],
  ];
  const bad: [flags: string[], line: RegExp][] = [
    [["--tls", "--tls-ca", cert("missing.pem")], /: cannot read \S*missing\.pem: /],
    [["--tls", "--tls-ca", cert("missing.pem")], /: there is no such file$/],
    [["--tls", "--tls-ca", "a\nb.pem"], /: cannot read a\\nb\.pem: there is no such file$/],
    [["--tls", "--tls-ca", cert("server.key")], /server\.key holds no PEM certificate$/],
    [["--tls", "--tls-ca", cert("expired.pem")], /certificate in \S*expired\.pem expired on /],
    [shows("missing.pem", "client.key"), /: cannot read \S*missing\.pem: /],
    [shows("client.key", "client.key"), /client\.key holds no PEM certificate$/],
    [shows("client.pem", "client.pem"), /client\.pem holds no PEM private key /],
    [shows("client.pem", "second.key"), /second\.key does not belong to .*client\.pem$/],
    [shows("expired.pem", "expired.key"), /the certificate in \S*expired\.pem expired on /],
  ];
  // Other systems have other words for these, or none.
  const ofLinux: typeof bad = [
    [["--tls", "--tls-ca", cert("")], /certs\/: it is a directory$/],
    [["--tls", "--tls-ca", cert("ca.pem/x")], /ca\.pem\/x: a part of its path is no directory$/],
    [["--tls", "--tls-ca", "/proc/self/mem"], /mem: not allowed to read it$/],
  ];
  if (Deno.build.os === "linux") bad.push(...ofLinux);
  for (const [flags, line] of bad) {
    const { code, stdout, stderr } = await call("localhost:1", ...flags);
    assert.deepEqual([code, stdout], [1, ""], stderr);
    assert.match(stderr, /^usersvc call: [^\n]+\n$/);
    assert.match(stderr.trimEnd(), line);
  }
});
