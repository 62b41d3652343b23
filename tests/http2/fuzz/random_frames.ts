/** Random frames of HTTP/2, most of them right, and what mutations make of them. */
import { Buffer } from "node:buffer";
import { type Field, Flag, frame, FrameType, headerBlock, PREFACE } from "../../support/frames.ts";
import { u32 } from "./go_peer.ts";
import type { Choices } from "./seeds.ts";

/** Flags that tests/support/frames.ts has no need of. */
const PADDED = 0x8, HAS_PRIORITY = 0x20;

const END_STREAM = Flag.END_STREAM, END_HEADERS = Flag.END_HEADERS;

const EMPTY = Buffer.alloc(0);

/** The paths that the handlers of both sides know. */
const PATHS = ["/", "/sum", "/early", "/big", "/abort", "/hold"];

const INCREMENTS = [
  ...[0, 1, 100, 16_384, 65_535, 2 ** 31 - 65_536, 2 ** 31 - 65_535, 2 ** 31 - 1, 2 ** 31],
];
const WINDOWS = [0, 1, 10, 100, 1000, 16_384, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31];
const CODES = [0, 1, 2, 7, 8, 11, 99];

/** What whoever writes the frames knows. */
interface Known {
  /** How often it names a stream that is not open: once in so many times. */
  readonly oddIds: number;
  nextId: number;
  /** Streams whose request is not whole. */
  readonly open: number[];
  /** Streams of a client that have an answer. */
  readonly answered: Set<number>;
}

/** A stream's number: one that is open, most of the time. */
function anyId(choices: Choices, known: Known): number {
  if (known.answered.size > 0 && !choices.oneIn(4)) return choices.pick([...known.answered]);
  if (known.open.length > 0 && !choices.oneIn(known.oddIds)) return choices.pick(known.open);
  const { nextId } = known;
  return choices.pick([0, 1, 2, 3, 5, Math.max(1, nextId - 2), nextId, nextId + 4, 2 ** 31 - 1]);
}

function requestFields(choices: Choices): Field[] {
  const fields: [string, string][] = [
    [":method", choices.pick(["GET", "POST", "POST", "PUT", "HEAD"])],
    [":scheme", choices.pick(["http", "https"])],
    [":path", choices.pick(PATHS)],
  ];
  if (!choices.oneIn(4)) fields.push([":authority", "localhost"]);
  if (choices.oneIn(2)) fields.push(["x-a", "a".repeat(choices.below(30))]);
  if (choices.oneIn(3)) fields.push(["te", "trailers"]);
  if (choices.oneIn(4)) fields.push(["x-a", "second"]);
  if (choices.oneIn(5)) fields.push(["content-length", `${choices.below(4) * 10}`]);
  return fields;
}

const ODD_FIELDS: readonly Field[] = [
  [":method", "GET"],
  [":status", "200"],
  [":unknown", "x"],
  [":authority", ""],
  [":path", ""],
  [":path", "*"],
  ["X-A", "upper case"],
  ["", "no name"],
  ["x a", "a space in the name"],
  ["x-a\0", "a zero in the name"],
  ["x-a", "\0"],
  ["x-a", "a\r\nb"],
  ["x-a", " a"],
  ["x-a", "\t"],
  ["x-a", "\x7f"],
  ["x-a", "\xe9\xff"],
  ["te", "gzip"],
  ["connection", "close"],
  ["keep-alive", "1"],
  ["proxy-connection", "x"],
  ["transfer-encoding", "chunked"],
  ["upgrade", "h2c"],
  ["content-length", "5"],
  ["content-length", "-1"],
  ["content-length", "1, 1"],
  ["content-length", "99999999999999999999"],
  ["host", "elsewhere"],
  ["cookie", "a=1"],
  ["x-large", "l".repeat(17_000)],
];

/** Fields that are no request any more, most of them. */
function oddly(choices: Choices, fields: readonly Field[]): Field[] {
  const at = choices.below(fields.length);
  switch (choices.below(4)) {
    case 0:
      return fields.filter((_, index) => index !== at);
    case 1:
      return [...fields.slice(0, at), choices.pick(ODD_FIELDS), ...fields.slice(at)];
    case 2:
      return fields.map((field, index) =>
        index === at ? [field[0], choices.pick(["", "x", "/x"])] : field
      );
    default:
      return [...fields, choices.pick(ODD_FIELDS)];
  }
}

/** A block of headers as HEADERS and CONTINUATION frames. */
function headerFrames(choices: Choices, id: number, block: Buffer, flags: number): Buffer[] {
  const parts: Buffer[] = [];
  const longest = choices.oneIn(4) ? 1 + choices.below(30) : 16_000;
  for (let at = 0; at < block.length || at === 0; at += longest) {
    parts.push(block.subarray(at, at + longest));
  }
  return parts.map((part, index) => {
    const end = index === parts.length - 1 ? END_HEADERS : 0;
    if (index > 0) return frame(FrameType.CONTINUATION, end, id, part);
    return padded(choices, FrameType.HEADERS, flags | end, id, part);
  });
}

/** A frame of DATA or HEADERS that has, now and then, a priority or padding. */
function padded(choices: Choices, type: number, flags: number, id: number, part: Buffer): Buffer {
  if (type === FrameType.HEADERS && choices.oneIn(8)) {
    flags |= HAS_PRIORITY;
    part = Buffer.concat([u32(choices.pick([0, 1, id])), Buffer.of(choices.below(256)), part]);
  }
  if (choices.oneIn(8)) {
    flags |= PADDED;
    const length = choices.below(20);
    const told = choices.oneIn(8) ? choices.below(256) : length;
    part = Buffer.concat([Buffer.of(told), part, Buffer.alloc(length)]);
  }
  return frame(type, flags, id, part);
}

function request(choices: Choices, known: Known): Buffer[] {
  const fields = requestFields(choices);
  const id = choices.oneIn(20) ? anyId(choices, known) : known.nextId;
  if (id >= known.nextId && id < 1000) known.nextId = (id | 1) + (choices.oneIn(10) ? 6 : 2);
  const isEnd = choices.oneIn(2);
  if (!isEnd) known.open.push(id);
  const block = headerBlock(choices.oneIn(6) ? oddly(choices, fields) : fields);
  return headerFrames(choices, id, block, isEnd ? END_STREAM : 0);
}

const STATUSES = ["200", "200", "200", "204", "304", "404", "503"];
const ODD_STATUSES = ["100", "103", "101", "199", "0", "20", "2000", "abc", "", "600", "999"];

function response(choices: Choices, known: Known): Buffer[] {
  const waiting = known.open.filter((id) => !known.answered.has(id));
  const id = waiting.length === 0 || choices.oneIn(20) ? anyId(choices, known) : waiting[0]!;
  const status = choices.pick(choices.oneIn(8) ? ODD_STATUSES : STATUSES);
  const isInformational = /^1\d\d$/.test(status);
  const fields: Field[] = [[":status", status]];
  if (choices.oneIn(2)) fields.push(["x-a", "a".repeat(choices.below(30))]);
  if (choices.oneIn(8)) fields.push(["content-length", `${choices.below(4) * 10}`]);
  const isEnd = !isInformational && choices.oneIn(4);
  if (!isInformational) known.answered.add(id);
  const block = headerBlock(choices.oneIn(12) ? oddly(choices, fields) : fields);
  return headerFrames(choices, id, block, isEnd ? END_STREAM : 0);
}

function anotherRequest(_choices: Choices, known: Known): Buffer[] {
  known.open.push(known.nextId);
  known.nextId += 2;
  return [EMPTY];
}

function data(choices: Choices, known: Known): Buffer[] {
  const id = anyId(choices, known);
  const length = choices.oneIn(6) ? 16_000 : choices.pick([0, 1, 10, 10, 20, 30, 1000]);
  const flags = choices.oneIn(3) ? END_STREAM : 0;
  return [padded(choices, FrameType.DATA, flags, id, Buffer.alloc(length, 0x64))];
}

function trailers(choices: Choices, known: Known): Buffer[] {
  const fields: Field[] = choices.oneIn(4) ? [choices.pick(ODD_FIELDS)] : [["x-trailer", "t"]];
  const flags = choices.oneIn(6) ? 0 : END_STREAM;
  return headerFrames(choices, anyId(choices, known), headerBlock(fields), flags);
}

/** The values of settings, by their numbers. */
const SETTINGS: Readonly<Record<number, readonly number[]>> = {
  4: WINDOWS,
  5: [16_384, 16_384, 16_385, 16_383, 2 ** 24 - 1, 2 ** 24],
  6: [16_384, 2 ** 32 - 1],
};

function setting(choices: Choices): Buffer {
  const id = choices.pick([1, 2, 3, 4, 4, 5, 6, 99]);
  const value = choices.pick(SETTINGS[id] ?? [0, 1, 2, 100, 4096, 2 ** 32 - 1]);
  return Buffer.concat([Buffer.of(0, id), u32(value)]);
}

function settings(choices: Choices): Buffer[] {
  const values = Array.from({ length: choices.below(4) }, () => setting(choices));
  // Go refuses two of the same.
  const names = new Set(values.map((value) => value[1]));
  const isOdd = names.size < values.length && !choices.oneIn(20);
  return [frame(FrameType.SETTINGS, 0, 0, Buffer.concat(isOdd ? values.slice(0, 1) : values))];
}

const acknowledgement = () => [frame(FrameType.SETTINGS, Flag.ACK, 0)];

function ping(choices: Choices): Buffer[] {
  const flags = choices.oneIn(4) ? Flag.ACK : 0;
  return [frame(FrameType.PING, flags, 0, Buffer.alloc(8, choices.below(256)))];
}

function reset(choices: Choices, known: Known): Buffer[] {
  return [frame(FrameType.RST_STREAM, 0, anyId(choices, known), u32(choices.pick(CODES)))];
}

function windowUpdate(choices: Choices, known: Known): Buffer[] {
  const id = choices.oneIn(3) ? 0 : anyId(choices, known);
  return [frame(FrameType.WINDOW_UPDATE, 0, id, u32(choices.pick(INCREMENTS)))];
}

function priority(choices: Choices, known: Known): Buffer[] {
  const id = anyId(choices, known);
  const payload = Buffer.concat([u32(choices.pick([0, 3, id])), Buffer.of(choices.below(256))]);
  return [frame(FrameType.PRIORITY, 0, id, payload)];
}

function goaway(choices: Choices): Buffer[] {
  const payload = [u32(choices.below(10)), u32(choices.oneIn(2) ? 0 : choices.pick(CODES))];
  return [frame(FrameType.GOAWAY, 0, 0, Buffer.concat(payload))];
}

/** A frame of any type, for any stream, with anything in it. */
function anything(choices: Choices, known: Known): Buffer[] {
  const payload = Array.from({ length: choices.below(20) }, () => choices.below(256));
  const type = choices.oneIn(2) ? choices.below(10) : choices.below(256);
  return [frame(type, choices.below(64), anyId(choices, known), Buffer.from(payload))];
}

type Maker = (choices: Choices, known: Known) => Buffer[];

/** What both sides send, and how often. */
const COMMON: readonly (readonly [Maker, number])[] = [
  [data, 12],
  [trailers, 2],
  [windowUpdate, 5],
  [settings, 2],
  [acknowledgement, 1],
  [ping, 2],
  [reset, 3],
  [goaway, 1],
  [anything, 1],
];
const weighted = (makers: readonly (readonly [Maker, number])[]) =>
  makers.flatMap(([maker, weight]): Maker[] => Array(weight).fill(maker));
const CLIENT_MAKERS = weighted([[request, 12], [priority, 2], ...COMMON]);
const SERVER_MAKERS = weighted([[response, 14], [anotherRequest, 2], ...COMMON]);

/** Changes frames a little: what they say, their order and number. */
function mutate(choices: Choices, frames: Buffer[]): Buffer[] {
  const at = choices.below(frames.length);
  const one = Buffer.from(frames[at]!);
  if (one.length < 9) return frames;
  switch (choices.below(8)) {
    case 0:
      return frames.toSpliced(at, 1);
    case 1:
      return frames.toSpliced(at, 0, one);
    case 2:
      return frames.toSpliced(at, 1).toSpliced(choices.below(frames.length), 0, one);
    case 3:
      // A length, a type, a flag or a stream that is another one.
      one[choices.below(9)]! ^= 1 << choices.below(8);
      return frames.with(at, one);
    case 4:
      one[choices.below(one.length)] = choices.below(256);
      return frames.with(at, one);
    case 5:
      return frames.with(at, one.subarray(0, choices.below(one.length)));
    case 6:
      one[4]! ^= choices.pick([END_STREAM, END_HEADERS, PADDED, HAS_PRIORITY]);
      return frames.with(at, one);
    default:
      one.writeUInt32BE(choices.pick([0, 1, 2, 3, 5, 7]), 5);
      return frames.with(at, one);
  }
}

function randomFrames(choices: Choices, makers: readonly Maker[], known: Known): Buffer[] {
  let frames = settings(choices);
  for (let left = 1 + choices.below(40); left > 0; left--) {
    frames.push(...choices.pick(makers)(choices, known));
  }
  while (choices.oneIn(3)) frames = frames.length > 0 ? mutate(choices, frames) : frames;
  return frames;
}

/**
 * What a client sends: the preface, SETTINGS and up to 40 other frames, right or wrong. They end
 * where their lengths say so: one that was cut short takes something of the next.
 */
export function clientFrames(choices: Choices): Buffer[] {
  const known = { oddIds: 4, nextId: 1, open: [], answered: new Set<number>() };
  const frames = [PREFACE, ...randomFrames(choices, CLIENT_MAKERS, known)];
  const all = choices.oneIn(50) ? mutate(choices, frames) : frames;
  return splitFrames(Buffer.concat(all), PREFACE.length);
}

/** The same from a server. A frame without bytes stands for another request of the client. */
export function serverFrames(choices: Choices): Buffer[] {
  const known = { oddIds: 40, nextId: 7, open: [1, 3, 5], answered: new Set<number>() };
  const frames = randomFrames(choices, SERVER_MAKERS, known);
  const split = splitFrames(Buffer.concat(frames), 0);
  let at = 0;
  for (const frame of frames) {
    if (frame.length > 0) at += frame.length;
    else {
      let from = 0;
      const index = split.findIndex((one) => (from += one.length) > at);
      split.splice(index < 0 ? split.length : index, 0, frame);
    }
  }
  return split;
}

/** @param preface how long the first one is, which is none; the last one may be cut short */
function splitFrames(bytes: Buffer, preface: number): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const isHead = frames.length > 0 || preface === 0;
    const length = !isHead ? preface : at + 9 > bytes.length ? 9 : 9 + bytes.readUIntBE(at, 3);
    frames.push(bytes.subarray(at, at + length));
    at += length;
  }
  return frames;
}
