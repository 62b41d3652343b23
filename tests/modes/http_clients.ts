/** curl as a client of Connect and of gRPC-Web. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { curl } from "../support/curl.ts";
import { framed, GET_USER, message, unframed } from "../support/http_client.ts";
import type { Result } from "../support/program.ts";
import type { Client, Route } from "./clients.ts";
import type { Outcome } from "./outcomes.ts";

/** Where curl asks. */
export function urlOf({ curl: flags }: Pick<Route, "curl">, path: string): string {
  return `http${flags.includes("--cacert") ? "s" : ""}://localhost${path}`;
}

/** Calls each name; the exit code is the HTTP status, and stderr says which version that was. */
async function post(
  route: Route,
  version: string,
  type: string,
  bodies: readonly Uint8Array<ArrayBuffer>[],
): Promise<(Omit<Result, "stdout"> & { readonly body: Buffer })[]> {
  const results = [];
  for (const bytes of bodies) {
    const flags = [...route.curl, version, "-H", `content-type: ${type}`, "--data-binary", "@-"];
    const { code, stderr, body } = await curl([...flags, urlOf(route, GET_USER)], bytes);
    const [, status, spoken = ""] = /^(\d{3}) (\S+)$/.exec(stderr) ?? [];
    results.push({ code: Number(status ?? -code), stderr: spoken, body });
  }
  return results;
}

/** https://connectrpc.com/docs/protocol/#error-codes */
const HTTP_STATUS: Readonly<Record<string, number>> = {
  OK: 200,
  INVALID_ARGUMENT: 400,
  PERMISSION_DENIED: 403,
  UNAVAILABLE: 503,
};

/**
 * Connect in JSON.
 *
 * @param flag what has curl speak a version
 */
export function connectBy(flag: string, version: string): Client {
  return {
    protocol: "connect",
    run: async (route, names) => {
      const bodies = names.map((username) => Buffer.from(JSON.stringify({ username })));
      const results = await post(route, flag, "application/json", bodies);
      return results.map(({ body, ...result }) => ({ ...result, stdout: sorted(String(body)) }));
    },
    prints: (calls) =>
      calls.map(({ outcome }) => ({
        code: HTTP_STATUS[outcome.code]!,
        stdout: sorted(JSON.stringify(connectAnswer(outcome))),
        stderr: version,
      })),
  };
}

/** Has the members of an object in one order, whatever JSON they came in. */
function sorted(json: string): string {
  return JSON.stringify(
    JSON.parse(json),
    (_, value) =>
      value?.constructor === Object ? Object.fromEntries(Object.entries(value).toSorted()) : value,
  );
}

function connectAnswer({ code, text, blame }: Outcome): object {
  if (code === "OK") return { message: text };
  const details = blame && [{
    type: "google.rpc.BadRequest",
    value: blame.encoded.replace(/=+$/, ""),
    debug: { fieldViolations: [{ field: blame.field, description: text }] },
  }];
  return { code: code.toLowerCase(), message: text, ...(details && { details }) };
}

/** gRPC-Web, of which the text, the number and the encoded details are looked at. */
export const grpcWeb: Client = {
  protocol: "grpc-web",
  run: async (route, names) => {
    const bodies = names.map((name) => framed(message(name)));
    const results = await post(route, "--http1.1", "application/grpc-web+proto", bodies);
    return results.map(({ body, ...result }) => ({ ...result, stdout: webAnswer(body) }));
  },
  prints: (calls) =>
    calls.map(({ outcome: { number, text, blame } }) => ({
      code: 200,
      stdout: JSON.stringify([number, text, blame?.encoded ?? ""]),
      stderr: "1.1",
    })),
};

function webAnswer(bytes: Buffer): string {
  const { messages: [greeting], trailers } = unframed(bytes);
  const fields = Object.fromEntries(
    [...trailers.matchAll(/^(\S+): (.*)\r$/gm)].map(([, name, value]) => [name!, value!]),
  );
  const details = Buffer.from(fields["grpc-status-details-bin"] ?? "", "base64");
  // What is packed into the status: its second field, of an Any its second field.
  const packed = details.length === 0 ? "" : badRequestIn(details).toString("base64");
  const text = greeting?.subarray(2).toString() ?? decodeURIComponent(fields["grpc-message"]!);
  return JSON.stringify([Number(fields["grpc-status"]), text, packed]);
}

function badRequestIn(details: Buffer): Buffer {
  const type = "type.googleapis.com/google.rpc.BadRequest";
  const start = details.indexOf(type) + type.length;
  assert.equal(details[start], 0x12);
  return details.subarray(start + 2, start + 2 + details[start + 1]!);
}
