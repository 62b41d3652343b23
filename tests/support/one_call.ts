/**
 * A client that opens a connection, makes one call and closes it, in raw frames: nothing is tried
 * again, so whatever the server loses is seen.
 */
import { Buffer } from "node:buffer";
import { connect } from "node:net";
import { call, Flag, FrameType, HELLO, takeFrames } from "./frames.ts";

/** How a call over its own connection ended. */
export type OneCall = "answered" | "refused" | "lost" | "hanging";

const CALL = Buffer.concat([HELLO, call(1, "A")]);

/** Whether what has come holds the message of an answer and the end of its stream. */
function isAnswered(bytes: Uint8Array): boolean {
  let hasMessage = false;
  let hasEnded = false;
  takeFrames(bytes, ({ type, flags }) => {
    hasMessage ||= type === FrameType.DATA;
    hasEnded ||= type === FrameType.HEADERS && (flags & Flag.END_STREAM) !== 0;
  });
  return hasMessage && hasEnded;
}

/**
 * Makes one call.
 *
 * @param maxMs how long until it counts as hanging, in milliseconds
 */
export function oneCall(port: number, maxMs = 10_000): Promise<OneCall> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    let come = Buffer.alloc(0);
    const end = (how: OneCall) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(how);
    };
    const timer = setTimeout(() => end("hanging"), maxMs);
    socket.on("connect", () => socket.write(CALL));
    socket.on("data", (chunk: Uint8Array) => {
      come = Buffer.concat([come, chunk]);
      if (isAnswered(come)) end("answered");
    });
    socket.on("error", (error) => {
      end((error as { code?: string }).code === "ECONNREFUSED" ? "refused" : "lost");
    });
    socket.on("close", () => end("lost"));
  });
}

/** How many calls ended in each way. */
export type Tally = Record<OneCall, number>;

/** Opens so many connections per second, one call each, until told to stop. */
export function oneCallEach(port: number, perSecond: number): { stop(): Promise<Tally> } {
  const tally: Tally = { answered: 0, refused: 0, lost: 0, hanging: 0 };
  const calls: Promise<void>[] = [];
  const start = performance.now();
  const timer = setInterval(() => {
    const due = (performance.now() - start) / 1_000 * perSecond;
    while (calls.length < due) calls.push(oneCall(port).then((how) => void tally[how]++));
  }, 5);
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(calls);
      return tally;
    },
  };
}
