/** The words for failures, from what grpc-js, node:net and node:tls say. */
import assert from "node:assert/strict";
import { programTest } from "../support/program.ts";

/** It loads gRPC, for which a bare `deno test` has no permissions. */
const failures = () => import("../../src/client/failure.ts");

/** The error of a call of grpc-js. */
const failed = (code: number, details: string, reason?: string) =>
  Object.assign(new Error(), { code, details, metadata: {}, ...(reason && { reason }) });

programTest(
  "a deadline that passes without a connection is none that waits for an answer",
  async () => {
    const { describeFailure } = await failures();
    const reasonOf = (details: string, found?: string) =>
      describeFailure(failed(4, details, found), 1_000).reason;
    const after = "Deadline exceeded after 1.001s,metadata filters: 0.001s,wait_for_ready,";
    assert.equal(reasonOf(`${after}Waiting for LB pick`), "no HTTP/2 connection within 1 s");
    assert.equal(reasonOf(`${after}LB pick: 0.9s,remote_addr=[::1]:1`), "no answer within 1 s");
    assert.equal(
      reasonOf(`${after}Waiting for LB pick`, "connection refused"),
      "no connection within 1 s: connection refused",
    );
    assert.equal(reasonOf("of a call behind the server"), "of a call behind the server");
  },
);

/** Errors of sockets, and what is said of each. */
const SOCKET_ERRORS: readonly (readonly [code: string, message: string, words: RegExp])[] = [
  ["ECONNREFUSED", "connect ECONNREFUSED 127.0.0.1:1", /^connection refused$/],
  ["ENOENT", "connect ENOENT /run/s", /^no such socket file$/],
  ["ENOTFOUND", "getaddrinfo ENOTFOUND a.example", /^unknown host, check the name$/],
  ["EHOSTUNREACH", "connect EHOSTUNREACH 192.0.2.1:1", /^connect EHOSTUNREACH 192\.0\.2\.1:1$/],
  ["ECONNRESET", "read ECONNRESET", /^the connection broke, /],
  [
    "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
    "unable to get local issuer certificate",
    /^the server's certificate is not signed by a trusted authority$/,
  ],
  [
    "ERR_TLS_CERT_ALTNAME_INVALID",
    "Hostname/IP does not match certificate's altnames: Host: a. is not in the cert's altnames: b",
    /^the server's certificate is for another name: Host: a\. is not in the cert's altnames: b$/,
  ],
  [
    "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA",
    "received fatal alert: UnknownCA",
    /^the server refused the TLS connection \(alert UnknownCA\)$/,
  ],
  [
    "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
    "received fatal alert: CertificateRequired",
    /^the server demands a client certificate$/,
  ],
  [
    "EPROTO",
    "received corrupt message of type InvalidContentType",
    /^the server does not speak TLS/,
  ],
];

programTest(
  "the error of a connection has the same words with its code and within a status",
  async () => {
    const { describeFailure, socketErrorReason } = await failures();
    for (const [code, message, words] of SOCKET_ERRORS) {
      assert.match(socketErrorReason({ code, message }), words);
      const details = `No connection established. Last error: Error: ${message}`;
      for (const end of ["", " (2026-01-02T03:04:05.678Z)", ". Resolution note: none"]) {
        const { name, reason } = describeFailure(failed(14, details + end), 1_000);
        assert.equal(name, "UNAVAILABLE");
        assert.match(reason, words);
      }
    }
  },
);

programTest("what a server says stays as it is, whatever grpc-js could have said so", async () => {
  const { describeFailure } = await failures();
  for (
    const [code, details] of [[5, "No connection established"], [13, "read ECONNRESET"]] as const
  ) {
    assert.equal(describeFailure(failed(code, details), 1_000).reason, details);
  }
  assert.equal(describeFailure(failed(14, ""), 1_000).reason, "no reason given");
  const fault = describeFailure(new TypeError("x"), 1_000);
  assert.deepEqual([fault.name, fault.reason], ["INTERNAL", "a fault of the client: TypeError: x"]);
});
