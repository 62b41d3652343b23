/** What the tables of cases have in common: what a server does to a call, and how the call may end. */
import { Buffer } from "node:buffer";
import type { StatusName } from "../contract/status_codes.ts";
import type { Answer, Greeting } from "./connection.ts";
import { begin, GREETING } from "./frames.ts";

/** How a call may end: with a status code, or with any but OK. */
export type Ending = StatusName | "FAILURE";

/** What a server does, and what the specification wants of a client then. */
export interface Case {
  /** Small letters, digits and `-`; with `_` where it is a case of gRPC's own `http2_test`. */
  readonly name: string;
  /** The heading under which reports have it. */
  readonly group: string;
  /** What the server does: one sentence. */
  readonly does: string;
  /** Every way in which the call may end. */
  readonly mayEnd: readonly Ending[];
  /** Where the specification says so. */
  readonly section: string;
  /**
   * The client has seen headers of its answer: it may not repeat the call.
   *
   * @see https://github.com/grpc/proposal/blob/master/A6-client-retries.md#when-retries-are-valid
   */
  readonly isCommitted: boolean;
  /** What a connection is told first, where it is not SETTINGS alone. */
  readonly greeting?: Greeting;
  /** It answers the first try of a call, and another one, differently. */
  readonly countsTries?: true;
  readonly answer: Answer;
}

/** What the specification wants of a client. */
export type Wanted = "success" | "failure" | "either";

/** What the specification wants of a case. */
export function wantedOf({ mayEnd }: Case): Wanted {
  if (!mayEnd.includes("OK")) return "failure";
  return mayEnd.length === 1 ? "success" : "either";
}

/** The frames of an answer to a stream, with the message that its method has. */
export type Frames = (stream: number, hello: Uint8Array) => readonly Uint8Array[];

/** What becomes of the connection after the answer. */
type Then = "end" | "reset";

/** A case as it is written: how it may end, what the server does, and with which frames. */
export type Row = readonly [
  mayEnd: Ending | readonly Ending[],
  does: string,
  frames: Frames,
  then?: Then,
];

/** Cases as they are written, by their names. */
export type Rows = Readonly<Record<string, Row>>;

/** Makes cases of what is written. */
export function casesOf(group: string, section: string, rows: Rows): Case[] {
  return Object.entries(rows).map(([name, [mayEnd, does, frames, then]]) => ({
    ...{ name, group, section, does },
    mayEnd: typeof mayEnd === "string" ? [mayEnd] : mayEnd,
    // What comes right before a reset of TCP may be lost.
    isCommitted: then !== "reset" && beginsAnswer(frames(1, GREETING)),
    answer: (call) => {
      call.send(...frames(call.stream, call.hello));
      if (then === "end") call.socket.end();
      else if (then === "reset") call.socket.resetAndDestroy();
    },
  }));
}

function beginsAnswer(frames: readonly Uint8Array[]): boolean {
  const headers = begin(1);
  return Buffer.concat(frames).subarray(0, headers.length).equals(headers);
}

/** Waits for a time, in milliseconds. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
