/** The modes that are tested together. Another mode is one more line of the table. */
import { type Client, clients } from "./clients.ts";
import type { Choice } from "./covering.ts";
import { type LogForm, logForms } from "./logs.ts";
import type { Outcome } from "./outcomes.ts";

/** What each server has of its own; these words stand for it in the flags and texts of the table. */
export interface Place {
  readonly PORT: string;
  readonly SOCKET: string;
  readonly METRICS: string;
  /** The folder of the certificates. */
  readonly CERTS: string;
  /** The folder of the contract. */
  readonly PROTO: string;
  /** The folder of the file of answers. */
  readonly MODES: string;
}

/** Where a server listens. */
export interface Endpoint {
  /** For `call --address`. */
  readonly target: string;
  /** The same in the words of grpcurl. */
  readonly grpcurl: string;
  /** The same in the words of curl, without the end of the URL. */
  readonly curl: string;
  /** What the log calls a client there; `*` is a port. */
  readonly peer: string;
  /** The tutorial's line at the start. */
  readonly started: string;
}

/** What is to be seen of a server; what a mode does not change is {@linkcode usual}. */
export interface Expected {
  readonly endpoints: readonly Endpoint[];
  /** How many worker processes there are; none where one process serves alone. */
  readonly workers: number;
  readonly log: LogForm;
  /** Whether the calls are counted. */
  readonly metrics: boolean;
  /** How long a call takes at least, in milliseconds. */
  readonly delayMs: number;
  /** What the shares are drawn with; undefined where the log says nothing of it. */
  readonly seed: number | undefined;
  /** Whether reflection is offered. */
  readonly reflection: boolean;
  /** What is answered besides gRPC: to pages of other origins, too, or nothing. */
  readonly http: "on" | "cors" | "none";
  /** What health says at first; where that is NOT_SERVING, it is turned over before the calls. */
  readonly health: "SERVING" | "NOT_SERVING";
  /** What ends the server. */
  readonly end: "SIGTERM" | "stdin" | "command";
  /** Whether the calls can be asked for. */
  readonly recorded: boolean;
  readonly client: Client;
  /** How each call of a client that retries fails before it ends as it should. */
  readonly retried: readonly Outcome[];
}

const tcp: Endpoint = {
  target: "127.0.0.1:PORT",
  grpcurl: "127.0.0.1:PORT",
  curl: "--connect-to ::127.0.0.1:PORT",
  peer: "127.0.0.1:*",
  started: "gRPC сервер запущен на порту PORT...",
};

const unix: Endpoint = {
  target: "unix:SOCKET",
  grpcurl: "-unix SOCKET",
  curl: "--unix-socket SOCKET",
  peer: "unix:SOCKET",
  started: "gRPC сервер запущен на сокете SOCKET...",
};

/** What is to be seen of a server without any flags. */
export const usual: Expected = {
  endpoints: [tcp],
  workers: 0,
  log: logForms.text,
  metrics: false,
  delayMs: 0,
  seed: undefined,
  reflection: true,
  http: "on",
  health: "SERVING",
  end: "SIGTERM",
  recorded: false,
  client: clients.one,
  retried: [],
};

/** A mode: which flags it adds, and what it changes of what is to be seen. */
export interface Mode extends Choice {
  /** Flags of `serve`. */
  readonly serve?: string;
  /** What follows the flags of `serve`. */
  readonly command?: string;
  /** Flags of `call` and `check`. */
  readonly call?: string;
  /** Flags of grpcurl, whatever it is asked. */
  readonly grpcurl?: string;
  /** Flags of grpcurl for a call. */
  readonly grpcurlCall?: string;
  /** Flags of curl. */
  readonly curl?: string;
  /** What may come of a call that would end like this without it, and usually like that. */
  readonly outcomes?: (outcome: Outcome, usual: Outcome) => readonly Outcome[];
  /** What else is to be seen. */
  readonly expected?: Partial<Expected>;
}

const onPurpose = (code: string, number: number, by: string): Outcome => ({
  code,
  number,
  level: "warn",
  text: `failed on purpose (${by})`,
  line: `failed on purpose (${by})`,
});
const unavailable = onPurpose("UNAVAILABLE", 14, "--fail");
const denied = onPurpose("PERMISSION_DENIED", 7, "--fail");

const played: Outcome = {
  ...{ code: "UNAVAILABLE", number: 14, level: "warn" },
  text: "answered by wire-status-unavailable-alone",
  line: "answered by wire-status-unavailable-alone",
};

const server = "--tls-cert CERTS/server.pem --tls-key CERTS/server.key";
const client = "--tls-cert CERTS/client.pem --tls-key CERTS/client.key";

/** Each dimension with its modes: every server is in one of each. */
export const modes = {
  transport: [
    { name: "TCP", serve: "--host 127.0.0.1 --port PORT" },
    { name: "Unix", serve: "--unix SOCKET", expected: { endpoints: [unix] } },
    {
      name: "both",
      serve: "--host 127.0.0.1 --port PORT --unix SOCKET",
      expected: { endpoints: [tcp, unix] },
    },
  ],
  tls: [
    { name: "none", grpcurl: "-plaintext" },
    {
      name: "TLS",
      serve: server,
      call: "--tls --tls-ca CERTS/ca.pem",
      grpcurl: "-cacert CERTS/ca.pem",
      curl: "--cacert CERTS/ca.pem",
    },
    {
      name: "mTLS",
      serve: `${server} --tls-client-ca CERTS/ca.pem`,
      call: `--tls --tls-ca CERTS/ca.pem ${client}`,
      grpcurl: "-cacert CERTS/ca.pem -cert CERTS/client.pem -key CERTS/client.key",
      curl: "--cacert CERTS/ca.pem --cert CERTS/client.pem --key CERTS/client.key",
    },
  ],
  workers: [
    { name: "none" },
    { name: "1", serve: "--workers 1", expected: { workers: 1 } },
    { name: "2", serve: "--workers 2", expected: { workers: 2 } },
  ],
  log: [
    { name: "text" },
    { name: "json", serve: "--log json", expected: { log: logForms.json } },
    { name: "none", serve: "--log none", expected: { log: logForms.none } },
  ],
  metrics: [
    { name: "off" },
    { name: "on", serve: "--metrics-port METRICS", expected: { metrics: true } },
  ],
  delay: [
    { name: "none" },
    { name: "50ms to 80ms", serve: "--delay 50ms-80ms", expected: { delayMs: 50 } },
  ],
  fail: [
    { name: "none" },
    {
      name: "half",
      serve: "--fail UNAVAILABLE:0.3,PERMISSION_DENIED:0.2",
      outcomes: (outcome) => [outcome, unavailable, denied],
    },
    {
      name: "half, seeded",
      serve: "--fail UNAVAILABLE:0.3,PERMISSION_DENIED:0.2 --seed 7",
      outcomes: (outcome) => [outcome, unavailable, denied],
      expected: { seed: 7 },
      without: { workers: ["1", "2"] },
    },
    {
      name: "all",
      serve: "--fail PERMISSION_DENIED",
      outcomes: () => [denied],
      hides: true,
    },
  ],
  // What these say of a call is all that is done to it: no fault of the dimensions above.
  asked: [
    { name: "none" },
    {
      name: "metadata and wire",
      serve: "--faults-by-metadata",
      call: "--retries 1 -H rpc-behavior:sleep-0.05,succeed-on-retry-attempt-1," +
        "wire-status-unavailable-alone",
      grpcurl: "-H rpc-behavior:sleep-0.05",
      curl: "-H rpc-behavior:sleep-0.05",
      expected: { delayMs: 50, retried: [played] },
      outcomes: (_, usual) => [usual],
    },
    {
      name: "answers",
      serve: "--answers MODES/answers.json",
      expected: { delayMs: 50 },
      outcomes: (_, usual) => [usual],
    },
    {
      name: "answers by rules",
      serve: "--answers MODES/rules.json",
      call: "-H x-role:tester",
      grpcurl: "-H x-role:tester",
      curl: "-H x-role:tester",
      expected: { delayMs: 50 },
      outcomes: (_, usual) => [usual],
    },
  ],
  instance: [{ name: "none" }, { name: "blue", serve: "--instance blue" }],
  reflection: [
    { name: "on" },
    {
      name: "off",
      serve: "--no-reflection",
      grpcurlCall: "-import-path PROTO -proto user_service.proto",
      expected: { reflection: false },
    },
  ],
  age: [
    { name: "none" },
    // Neither a call nor a watch may be lost by it.
    { name: "1s", serve: "--max-connection-age 1s" },
  ],
  http: [
    { name: "on" },
    { name: "--cors", serve: "--cors https://example.com", expected: { http: "cors" } },
    {
      name: "--no-http",
      serve: "--no-http",
      expected: { http: "none" },
      without: { client: ["Connect, HTTP/1.1", "Connect, HTTP/2", "gRPC-Web"] },
    },
  ],
  record: [
    { name: "none" },
    {
      name: "100",
      serve: "--record 100 --log-metadata user-agent",
      expected: { recorded: true },
      without: { workers: ["1", "2"], http: ["--no-http"] },
    },
  ],
  health: [
    { name: "SERVING" },
    {
      name: "NOT_SERVING",
      serve: "--health NOT_SERVING",
      expected: { health: "NOT_SERVING" },
    },
  ],
  streams: [
    { name: "100" },
    // The calls of a batch wait for each other, and none is lost by it.
    { name: "2", serve: "--max-concurrent-streams 2" },
  ],
  end: [
    { name: "SIGTERM" },
    { name: "stdin", serve: "--until-stdin-closes", expected: { end: "stdin" } },
    // It ends with its stdin, and prints nothing.
    { name: "command", command: "-- cat", expected: { end: "command" } },
  ],
  client: [
    { name: "one name" },
    { name: "batch", expected: { client: clients.batch } },
    { name: "measured batch", expected: { client: clients.measured } },
    { name: "--duration, -vv", expected: { client: clients.timed } },
    { name: "--json", expected: { client: clients.json } },
    { name: "grpcurl", expected: { client: clients.grpcurl } },
    { name: "Connect, HTTP/1.1", expected: { client: clients.connect1 } },
    { name: "Connect, HTTP/2", expected: { client: clients.connect2 } },
    { name: "gRPC-Web", expected: { client: clients.grpcWeb } },
  ],
} satisfies Record<string, readonly Mode[]>;
