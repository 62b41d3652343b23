/**
 * What goes over a connection of gRPC, in lines for people: each frame of HTTP/2 with its headers by
 * name and its messages taken apart.
 *
 * A peer decides what is shown, not how much of it is kept: a frame, two tables of HPACK, and of some
 * streams the start of a message.
 */
import { Buffer } from "node:buffer";
import protobuf from "protobufjs";
import { protoText } from "../contract/contract.ts";
import { isGrpcType } from "../contract/grpc_protocol.ts";
import { healthRoot } from "../contract/health_contract.ts";
import { STATUS_NAMES } from "../contract/status_codes.ts";
import type { Field } from "../http2/fields.ts";
import * as h2 from "../http2/frames.ts";
import { ConnectionError, FrameReader } from "../http2/frames.ts";
import { HeaderBlocks } from "../http2/header_blocks.ts";
import { DEFAULT_HEADER_LIST_BYTES } from "../http2/limits.ts";
import type { Observer } from "../http2/session.ts";
import { excerpt } from "../text/escape.ts";
import { frameLine, payloadLines, shownText } from "./frames.ts";
import { type MessageReader, messageReader } from "./messages.ts";
import { HIDDEN, isSecret } from "./secrets.ts";

/** How the frames of connections are shown. */
export interface WireOptions {
  /** Takes the lines, which are escaped. */
  readonly print: (line: string) => void;
  /** Whether the values of {@linkcode isSecret} are shown. */
  readonly secrets: boolean;
  /** The time in milliseconds; by default that of `performance`. */
  readonly now?: () => number;
}

/**
 * Makes what shows connections.
 *
 * @returns shows one: its name stands before the line of each frame, and the first line says who the peer
 * is. `sent` takes what the client sends, whichever side that is.
 */
export function connectionPrinter(options: WireOptions): (name: string, peer: string) => Observer {
  const contract = protobuf.parse(protoText, { keepCase: true }).root;
  return (name, peer) => showConnection(name, peer, [contract, healthRoot], options);
}

/** How many fields of a block of headers are shown. */
const MAX_FIELDS = 100;

/** How much of a header's name and value is shown, in characters. */
const MAX_NAME = 100, MAX_VALUE = 200;

/** How many streams have their messages taken apart at the same time. */
const MAX_STREAMS = 100;

/** A stream that is open. */
interface OpenStream {
  /** Undefined for a path that is in no contract. */
  readonly method: protobuf.Method | undefined;
  /** Of the messages of each side, once its headers have come; undefined if they are not gRPC's. */
  readonly messages: { sent?: MessageReader | undefined; received?: MessageReader | undefined };
}

type Direction = "sent" | "received";

/** What the parts of a connection have in common. */
interface Shown {
  readonly secrets: boolean;
  readonly streams: Map<number, OpenStream>;
  methodOf(path: string): protobuf.Method | undefined;
}

function showConnection(
  name: string,
  peer: string,
  roots: readonly protobuf.Root[],
  { print, secrets, now = () => performance.now() }: WireOptions,
): Observer {
  const start = now();
  const say = (mark: string, line: string, details: readonly string[] = []) => {
    print(`${name} ${mark} ${(now() - start).toFixed(1).padStart(7)} ms  ${line}`);
    for (const detail of details) print(`${" ".repeat(8)}${detail}`);
  };
  const shown: Shown = {
    secrets,
    streams: new Map(),
    methodOf: (path) => findMethod(roots, path),
  };
  say("*", `connection to ${excerpt(peer, MAX_VALUE)}`);
  const sent = showDirection("sent", shown, (...lines) => say(">", ...lines));
  const received = showDirection("received", shown, (...lines) => say("<", ...lines));
  return {
    sent,
    received,
    ended: (error) =>
      say("*", error ? `broken: ${excerpt(error.message, MAX_VALUE)}` : "closed by the peer"),
  };
}

/** Makes what shows the bytes of one direction. */
function showDirection(
  direction: Direction,
  shown: Shown,
  say: (line: string, details?: readonly string[]) => void,
): (bytes: Buffer) => void {
  const blocks = showBlocks(direction, shown);
  const data = showData(direction, shown);
  let isFirst = true;
  let isBroken = false;
  const reader = new FrameReader((type, flags, id, bytes, from, to) => {
    const payload = bytes.subarray(from, to);
    const details = [
      ...payloadLines(type, payload),
      ...blocks(type, flags, id, payload),
      ...(type === h2.DATA ? data(flags, id, payload) : []),
    ];
    say(frameLine(type, flags, id, payload.length), details);
    if (type === h2.RST_STREAM) shown.streams.delete(id);
  }, direction === "sent" ? h2.PREFACE.length : 0);
  return (bytes) => {
    if (isBroken) return;
    if (isFirst && direction === "sent") say("the preface of HTTP/2");
    try {
      reader.receive(bytes);
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      isBroken = true;
      const start = isFirst ? [`it begins with ${shownText(bytes)}`] : [];
      say(`${error.message}; what follows is not shown`, start);
    }
    isFirst = false;
  };
}

/** Makes what shows the headers of a frame, once the last frame of their block is there. */
function showBlocks(direction: Direction, shown: Shown) {
  const blocks = new HeaderBlocks(DEFAULT_HEADER_LIST_BYTES, MAX_FIELDS);
  /** Behind a block that cannot be decoded the table is wrong: RFC 9113, section 4.3. */
  let isLost = false;

  function take(type: number, flags: number, id: number, payload: Buffer): string[] {
    const bytes = type === h2.PUSH_PROMISE ? withoutPromise(flags, payload) : payload;
    const block = type === h2.CONTINUATION
      ? blocks.continue(flags, bytes, 0, bytes.length)
      : blocks.begin(flags, id, bytes, 0, bytes.length);
    const promise = type === h2.PUSH_PROMISE ? [promiseLine(flags, payload)] : [];
    if (block === undefined) return [...promise, "the headers go on in CONTINUATION"];
    noteHeaders(direction, shown, block.id, blocks.fields);
    return [
      ...promise,
      ...blocks.fields.map((field) => headerLine(field, shown.secrets)),
      ...(blocks.isTooLarge ? ["... and more"] : []),
      ...(block.flags & h2.END_STREAM ? endOf(direction, shown, block.id) : []),
    ];
  }

  return (type: number, flags: number, id: number, payload: Buffer): string[] => {
    if (![h2.HEADERS, h2.PUSH_PROMISE, h2.CONTINUATION].includes(type)) return [];
    if (isLost) return ["not decoded: a block before could not be"];
    try {
      return take(type, type === h2.PUSH_PROMISE ? flags & ~NOT_OF_PROMISES : flags, id, payload);
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      isLost = true;
      return [error.message];
    }
  };
}

/** Flags of HEADERS that PUSH_PROMISE does not have. */
const NOT_OF_PROMISES = h2.HAS_PRIORITY | h2.END_STREAM;

function promiseLine(flags: number, payload: Buffer): string {
  const at = flags & h2.PADDED ? 1 : 0;
  return payload.length < at + 4
    ? "names no stream"
    : `promises stream ${payload.readUInt32BE(at) & 0x7fffffff}`;
}

/** The payload of PUSH_PROMISE without the number of the promised stream: that of HEADERS. */
function withoutPromise(flags: number, payload: Buffer): Buffer {
  return flags & h2.PADDED
    ? Buffer.concat([payload.subarray(0, 1), payload.subarray(5)])
    : payload.subarray(4);
}

function headerLine({ name, value }: Field, secrets: boolean): string {
  const said = excerpt(name, MAX_NAME);
  if (!secrets && isSecret(name)) return `${said}: ${HIDDEN}`;
  const status = name === "grpc-status" && /^\d\d?$/.test(value) && STATUS_NAMES[Number(value)];
  const cut = value.length > MAX_VALUE ? ` (${value.length} characters)` : "";
  return `${said}: ${excerpt(value, MAX_VALUE)}${cut}${status ? ` (${status})` : ""}`;
}

/** Notes of what type the messages are that follow these headers. */
function noteHeaders(
  direction: Direction,
  { streams, methodOf }: Shown,
  id: number,
  fields: readonly Field[],
): void {
  const valueOf = (name: string) => fields.find((field) => field.name === name)?.value;
  let stream = streams.get(id);
  if (stream === undefined) {
    const [oldest] = streams.keys();
    if (oldest !== undefined && streams.size >= MAX_STREAMS) streams.delete(oldest);
    stream = { method: methodOf(valueOf(":path") ?? ""), messages: {} };
    streams.set(id, stream);
  }
  if (!isGrpcType(valueOf("content-type"))) return;
  const { resolvedRequestType, resolvedResponseType } = stream.method ?? {};
  const type = direction === "sent" ? resolvedRequestType : resolvedResponseType;
  stream.messages[direction] ??= messageReader(type ?? undefined);
}

/** Makes what shows the payload of DATA. */
function showData(direction: Direction, shown: Shown) {
  return (flags: number, id: number, payload: Buffer): string[] => {
    const padding = flags & h2.PADDED ? payload[0] ?? 0 : undefined;
    const content = padding === undefined
      ? payload
      : payload.subarray(1, Math.max(1, payload.length - padding));
    const reader = shown.streams.get(id)?.messages[direction];
    const plain = content.length === 0 ? [] : [shownText(content)];
    return [
      ...(reader === undefined ? plain : reader.take(content)),
      ...(flags & h2.END_STREAM ? endOf(direction, shown, id) : []),
    ];
  };
}

/** A side of a stream has sent all; with that of the server the call is over. */
function endOf(direction: Direction, { streams }: Shown, id: number): string[] {
  const stream = streams.get(id);
  if (direction === "received") streams.delete(id);
  return stream?.messages[direction]?.end() ?? [];
}

/** The method of a path such as `/userservice.UserService/GetUser`; undefined if no contract has it. */
function findMethod(roots: readonly protobuf.Root[], path: string): protobuf.Method | undefined {
  const [, serviceName, name] = /^\/([\w.]+)\/(\w+)$/.exec(path) ?? [];
  if (serviceName === undefined || name === undefined) return undefined;
  for (const root of roots) {
    const service = root.lookup(serviceName);
    if (!(service instanceof protobuf.Service) || !Object.hasOwn(service.methods, name)) continue;
    const method = service.methods[name]!;
    method.resolve();
    return method;
  }
  return undefined;
}
