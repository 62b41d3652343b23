/** How usersvc ends a call where the specification leaves that open, and with which words. */
import { HTTP_STATUSES, NO_STATUS_CODES } from "../../src/gauntlet/answer_cases.ts";
import type { Case } from "../../src/gauntlet/case.ts";
import type { StatusName } from "../../src/contract/status_codes.ts";

/** The code where the table of cases wants any failure, by group. */
const BY_GROUP: Readonly<Record<string, StatusName>> = {
  "Statuses that are none": "UNKNOWN",
  "Compression": "INTERNAL",
  "Messages": "INTERNAL",
  "Number of messages": "INTERNAL",
  "Content types": "UNKNOWN",
  "Resets of the stream": "INTERNAL",
  "GOAWAY": "UNAVAILABLE",
  "Wrong frames": "UNAVAILABLE",
  "Starts of the connection": "UNAVAILABLE",
};

const BY_NAME: Readonly<Record<string, StatusName>> = {
  "no-trailers": "INTERNAL",
  "message-of-30000-characters": "NOT_FOUND",
  "gzip-of-8-mb": "RESOURCE_EXHAUSTED",
  "compressed-flag-of-2": "INTERNAL",
  "not-utf-8": "INTERNAL",
  "message-larger-than-its-data": "RESOURCE_EXHAUSTED",
  "message-of-4-gib": "RESOURCE_EXHAUSTED",
  "two-messages-and-a-status": "NOT_FOUND",
  "content-type-missing": "UNKNOWN",
  "push": "UNAVAILABLE",
  "more-than-the-window": "INTERNAL",
  "no-streams": "DEADLINE_EXCEEDED",
  "no-window": "DEADLINE_EXCEEDED",
  "no-word": "DEADLINE_EXCEEDED",
  "tls-alert": "DEADLINE_EXCEEDED",
  // nghttp2 takes ten thousand for an attack too.
  "10000-pings": "UNAVAILABLE",
  "10000-ping-answers": "UNAVAILABLE",
  "10000-settings": "UNAVAILABLE",
  "10000-unknown-frames": "UNAVAILABLE",
};

/** The code with which usersvc ends a call of this case. */
export function ourCode({ name, group, mayEnd }: Case): StatusName {
  const [first] = mayEnd;
  return BY_NAME[name] ?? (first === "FAILURE" ? BY_GROUP[group]! : first!);
}

const WORDS = "its words";
const NO_STATUS = "the answer has no grpc-status";
const NO_MESSAGE = "the answer has no message";
const SEVERAL = "the answer has more than one message";
const UNNAMED = "the message is compressed, but the server named no encoding";

/** The whole message of a call that fails. */
const MESSAGES: Readonly<Record<string, string>> = {
  "status-empty": 'the server sent the status "", which gRPC does not know',
  "status-missing": NO_STATUS,
  "status-missing-alone": NO_STATUS,
  "no-trailers": "the server ended the answer without a status",
  "message-missing": "",
  "message-in-utf-8": "Привет, мир",
  "message-percent-encoded": "Пр/: 100%",
  "message-not-percent-encoded": "50% of П, %zz %4",
  "message-of-half-a-character": "a \ufffd b",
  "message-in-utf-8-and-percent-encoded": "ж ж",
  "message-in-latin-1": "caf\ufffd",
  "message-with-controls": "a\nb\x1b[2Jc",
  "message-of-30000-characters": "x".repeat(30_000),
  "message-empty": "",
  "compressed-without-encoding": UNNAMED,
  "compressed-with-identity": UNNAMED,
  "compressed-with-br": 'the message is compressed with "br", which is not supported',
  "compressed-flag-of-2": "the message has the flag 2, which gRPC does not know",
  "no-message": NO_MESSAGE,
  "no-message-alone": NO_MESSAGE,
  "two-messages": SEVERAL,
  "two-messages-without-end": SEVERAL,
  "two-messages-in-two-frames": SEVERAL,
  "a-thousand-empty-messages": SEVERAL,
  "trailer-not-ascii": WORDS,
  "http-503-with-a-grpc-status": WORDS,
  "content-type-json": notGrpc(200, "content type application/json"),
  "content-type-grpc-web": notGrpc(200, "content type application/grpc-web"),
  "content-type-missing": notGrpc(200, "no content type"),
  ...Object.fromEntries(
    Object.entries(NO_STATUS_CODES).flatMap(([name, odd]) => {
      const says = `the server sent the status "${odd}", which gRPC does not know: ${WORDS}`;
      return [[`status-${name}`, says], [`status-${name}-alone`, says]];
    }),
  ),
  ...Object.fromEntries(
    Object.values(HTTP_STATUSES).flat().flatMap((status) => [
      ...["", "-without-body", "-without-end"].map((end) => [
        `page-${status}${end}`,
        notGrpc(status, "content type text/html"),
      ]),
      [`http-${status}`, notGrpc(status, "content type application/grpc")],
    ]),
  ),
};

function notGrpc(status: number, type: string): string {
  return `the answer is not gRPC: HTTP status ${status}, ${type}`;
}

/** The message of a call of this case that fails; undefined if it is not said here. */
export function ourMessage({ name, group }: Case): string | undefined {
  if (group === "Statuses") return WORDS;
  if (name.startsWith("message-cut-at-byte-")) return "the message is cut short";
  return MESSAGES[name];
}
