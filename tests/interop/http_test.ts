/** Checks what is not gRPC over HTTP/2 with curl. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { curl } from "../support/curl.ts";
import { GET_USER } from "../support/http_client.ts";
import { linuxServeTest, linuxTest, withFolder, withServe } from "../support/program.ts";

const CERTS = fileURLToPath(new URL("../certs", import.meta.url));
const MTLS = [
  ...["--tls-cert", `${CERTS}/server.pem`, "--tls-key", `${CERTS}/server.key`],
  ...["--tls-client-ca", `${CERTS}/ca.pem`],
];
const AUTHORITY = ["--cacert", `${CERTS}/ca.pem`];
const IDENTITY = ["--cert", `${CERTS}/client.pem`, "--key", `${CERTS}/client.key`];

const json = (username: string) => Buffer.from(JSON.stringify({ username }));
const GREETING = '{"message":"Привет, Zoë!"}';
const BLANK = "Ch0KCHVzZXJuYW1lEhF1c2VybmFtZSBpcyBibGFuaw";

/** What a request of curl prints: status, HTTP version, body. */
async function ask(args: readonly string[], body?: Uint8Array<ArrayBuffer>): Promise<string[]> {
  const { code, stderr, body: answer } = await curl(args, body);
  assert.equal(code, 0, stderr);
  return [...stderr.split(" "), String(answer)];
}

/** Checks that a second request goes over the connection of the first. */
async function assertKept(version: string, url: string, flags: readonly string[] = []) {
  const { body } = await curl([version, ...flags, "-w", "%{num_connects} ", url, url]);
  assert.equal(String(body), "SERVING\n1 SERVING\n0 ", version);
}

const POST = ["-H", "content-type: application/json", "--data-binary", "@-"];

linuxTest(
  "curl calls by HTTP/1.1 and HTTP/2, with GET, gzip and a Unix socket",
  () =>
    withFolder((folder) =>
      withServe(async ({ port }) => {
        const url = `http://localhost:${port}${GET_USER}`;
        const name = json("Zoë");
        for (const [flag, version] of [["--http1.1", "1.1"], ["--http2-prior-knowledge", "2"]]) {
          const answered = ["200", version, GREETING];
          assert.deepEqual(await ask([flag!, ...POST, url], name), answered);
          const query = ["-G", "-d", "encoding=json", "-d", "connect=v1"];
          const message = ["--data-urlencode", `message=${name}`];
          assert.deepEqual(await ask([flag!, ...query, ...message, url]), answered);
          const zipped = ["-H", "content-encoding: gzip", "--compressed"];
          const long = "😀".repeat(256);
          const request = Buffer.from(gzipSync(json(long)));
          const [, , body] = await ask([flag!, ...zipped, ...POST, url], request);
          assert.equal(body, `{"message":"Привет, ${long}!"}`);
          const unzipped = ["-H", "accept-encoding: gzip"];
          const { body: raw } = await curl([flag!, ...unzipped, ...POST, url], json(long));
          assert.equal(String(gunzipSync(raw)), body);
          const unix = ["--unix-socket", `${folder}/socket`];
          assert.deepEqual(await ask([flag!, ...unix, ...POST, url], name), answered);
          // curl waits for `100 Continue`, and sends the rest where the server says no early.
          const [status, , refusal] = await ask([flag!, ...POST, url], json("a".repeat(8 << 20)));
          assert.deepEqual([status, JSON.parse(refusal!).code], ["429", "resource_exhausted"]);
        }
        // It offers an upgrade to HTTP/2, which a server need not take.
        assert.deepEqual(await ask(["--http2", ...POST, url], name), ["200", "1.1", GREETING]);
      }, ["--unix", `${folder}/socket`])
    ),
);

linuxServeTest(
  "curl is told status, details and deadline, and asks again on the same connection",
  async ({ port }) => {
    const url = `http://localhost:${port}`;
    for (const version of ["--http1.1", "--http2-prior-knowledge"]) {
      const [status, , refusal] = await ask([version, ...POST, url + GET_USER], json(" "));
      assert.deepEqual([status, JSON.parse(refusal!)], ["400", {
        code: "invalid_argument",
        message: "username is blank",
        details: [{
          type: "google.rpc.BadRequest",
          value: BLANK,
          debug: { fieldViolations: [{ field: "username", description: "username is blank" }] },
        }],
      }]);
      const hasty = ["-H", "connect-timeout-ms: 50"];
      const [late, , why] = await ask([version, ...hasty, ...POST, url + GET_USER], json("Zoë"));
      assert.deepEqual([late, JSON.parse(why!).code], ["504", "deadline_exceeded"]);
    }
    // By HTTP/2 without TLS curl 7.88 cannot do this.
    await assertKept("--http1.1", `${url}/healthz`);
  },
  ["--delay", "400ms"],
);

linuxServeTest(
  "curl chooses the version of HTTP by ALPN, and needs a certificate where one is asked for",
  async ({ port }) => {
    const url = `https://localhost:${port}${GET_USER}`;
    for (
      const [flags, version] of [
        [["--http1.1"], "1.1"],
        [["--http2"], "2"],
        [["--no-alpn", "--http1.1"], "1.1"],
        [["--tls-max", "1.2"], "2"],
      ] as const
    ) {
      const asked = [...flags, ...AUTHORITY, ...IDENTITY, ...POST, url];
      assert.deepEqual(
        await ask(asked, json("Zoë")),
        ["200", version, GREETING],
        flags.join(" "),
      );
    }
    for (const version of ["--http1.1", "--http2"]) {
      const flags = [...AUTHORITY, ...IDENTITY];
      await assertKept(version, `https://localhost:${port}/healthz`, flags);
    }
    const { code, body } = await curl([...AUTHORITY, ...POST, url], json("Zoë"));
    assert.deepEqual([code === 0, String(body)], [false, ""]);
  },
  [...MTLS, "--workers", "2"],
);
