/**
 * connectrpc's suite of conformance: its messages, from the file of descriptors that the first
 * argument names, how it speaks with programs, and what its service answers, whatever the protocol.
 *
 * @see https://github.com/connectrpc/conformance/tree/main/docs
 */
import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type Message,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import { Buffer } from "node:buffer";
import process from "node:process";
import { type Header, readDescriptors } from "./definitions.ts";

const PACKAGE = "connectrpc.conformance.v1";

/** All types of the suite. */
export const registry = readDescriptors(process.argv[2]!);

/** The service that is called. */
export const service = registry.getService(`${PACKAGE}.ConformanceService`)!;

/** A type of message. */
export function message(name: string): DescMessage {
  return registry.getMessage(`${PACKAGE}.${name}`)!;
}

/** A method of the service. */
export function method(name: string): DescMethod {
  return service.methods.find((one) => one.name === name)!;
}

/** A message of a type that is known at run time alone. */
export function make(type: DescMessage, fields: unknown): Message {
  return create(type, fields as MessageInitShape<DescMessage>);
}

/** The messages that come by stdin, each behind its length, four bytes. */
export async function* readMessages<T>(name: string): AsyncGenerator<T> {
  let rest = Buffer.alloc(0);
  for await (const bytes of process.stdin) {
    rest = Buffer.concat([rest, bytes]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE()) {
      const end = 4 + rest.readUInt32BE();
      yield fromBinary(message(name), rest.subarray(4, end)) as unknown as T;
      rest = rest.subarray(end);
    }
  }
}

/** Writes a message to stdout. */
export function writeMessage(name: string, fields: unknown): Promise<void> {
  const bytes = toBinary(message(name), make(message(name), fields));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return new Promise((resolve) => {
    process.stdout.write(Buffer.concat([length, bytes]), () => resolve());
  });
}

/** A `ServerCompatRequest`. */
export interface WantedServer {
  readonly useTls: boolean;
  /** Empty where clients need no certificate. */
  readonly clientTlsCert: Uint8Array;
  /** In bytes; 0: no limit. */
  readonly messageReceiveLimit: number;
  readonly serverCreds?: { readonly cert: Uint8Array; readonly key: Uint8Array };
}

/**
 * Starts the server that the suite wants, and tells it where.
 *
 * @param start starts it on a free port of 127.0.0.1, whose number it returns
 */
export async function serveSuite(start: (wanted: WantedServer) => Promise<number>): Promise<void> {
  for await (const wanted of readMessages<WantedServer>("ServerCompatRequest")) {
    const port = await start(wanted);
    const pemCert = wanted.serverCreds?.cert;
    await writeMessage("ServerCompatResponse", { host: "127.0.0.1", port, pemCert });
  }
}

/** An error to fail with, or that a call has failed with: `google.rpc.Status` with the same fields. */
export interface ErrorDefinition {
  code: number;
  message?: string;
  details: Any[];
}

/** How a request wants to be answered. */
export interface Definition {
  readonly responseHeaders: readonly Header[];
  readonly responseTrailers: readonly Header[];
  readonly responseDelayMs: number;
  /** Of answers with one message. */
  readonly response?:
    | { readonly case: "responseData"; readonly value: Uint8Array }
    | { readonly case: "error"; readonly value: ErrorDefinition }
    | { readonly case: undefined; readonly value?: undefined };
  /** Of streams. */
  readonly responseData?: readonly Uint8Array[];
  readonly error?: ErrorDefinition;
}

/** A request of any of the methods. */
export type Request = Message & {
  readonly responseDefinition?: Definition;
  readonly fullDuplex?: boolean;
};

/** What is known of a call besides its messages. */
export interface CallInfo {
  readonly requestHeaders: readonly Header[];
  /** Until the deadline; absent where there is none. */
  readonly timeoutMs?: number;
  /** Of a call by GET. */
  readonly connectGetInfo?: { readonly queryParams: readonly Header[] };
}

const infoType = message("ConformancePayload.RequestInfo");

/** Makes the messages of answers. */
export const answers = {
  /** A response; the suite wants `info` in some. */
  response: ({ output }: DescMethod, data?: Uint8Array, requestInfo?: Message): Message =>
    make(output, { payload: { data, requestInfo } }),
  /** What the server has seen of a call. */
  info: ({ input }: DescMethod, requests: readonly Message[], call?: CallInfo): Message =>
    make(infoType, {
      ...call,
      requests: requests.map((request) => anyPack(input, request)),
      timeoutMs: call?.timeoutMs === undefined ? undefined : BigInt(call.timeoutMs),
    }),
  /** The error of a definition; the suite wants to find in it what was seen of the call. */
  error: ({ details, ...error }: ErrorDefinition, info?: Message): ErrorDefinition => ({
    ...error,
    details: info === undefined ? details : [...details, anyPack(infoType, info)],
  }),
};
