/** Answers calls with cases of the gauntlet. It is loaded with the first call, or file, that wants one. */
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { Buffer } from "node:buffer";
import type { StatusName } from "../../contract/status_codes.ts";
import type { Case } from "../../gauntlet/case.ts";
import { allCases } from "../../gauntlet/cases.ts";
import type { Asked } from "../../gauntlet/connection.ts";
import { DATA } from "../../http2/frames.ts";
import { Session } from "../../http2/session.ts";
import type { Stream } from "../../http2/stream.ts";
import { acceptedSocket } from "../../workarounds/private_parts.ts";
import type { Answer, IncomingCall } from "../call/incoming_call.ts";
import type { Plan } from "./plan.ts";
import { refusal } from "./refusal.ts";

/** Finds a case by its name; where no call can be answered with it, says what is expected instead. */
export function playable(name: string): Case | { readonly expected: string } {
  const found = allCases.find((one) => one.name === name);
  if (found === undefined) {
    return { expected: `the name of a case of the gauntlet; "${name}" is none` };
  }
  if (found.greeting !== undefined) {
    return { expected: `a case that answers a call; "${name}" is how a connection begins` };
  }
  if (found.countsTries) {
    return { expected: `a case that does not count the tries of a call, as "${name}" does` };
  }
  return found;
}

/**
 * Makes the plan of a call that is to be answered with a case. Where that cannot be, it is answered
 * INVALID_ARGUMENT, which is no fault on purpose.
 *
 * @param usual what the call would be answered, for cases that greet
 */
export function playing(name: string, plan: Plan, call: IncomingCall, usual: Answer): Plan {
  const found = playable(name);
  // Whoever has asked is told by the name that it has there.
  const field = plan.source === "metadata" ? "rpc-behavior" : "wire";
  if ("expected" in found) return refusal(field, found.expected);
  if (call.protocol !== "grpc") {
    return refusal(
      field,
      `a call of gRPC over HTTP/2 for "${name}", and this one is ${call.protocol}`,
    );
  }
  const hello = new BinaryWriter().uint32(0x0a).string(usual.message ?? "").finish();
  const play = (stream: Stream) => playTo(stream, hello, found);
  const { metadata: _, trailers: __, ...others } = plan;
  const code = codeOf(found);
  const reason = code === "OK" ? {} : { reason: `answered by wire-${name}` };
  return { ...others, answer: { code, ...reason, play } };
}

/** The status code with which a client should end; UNKNOWN where any failure will do. */
function codeOf({ mayEnd }: Case): StatusName {
  return mayEnd.find((ending) => ending !== "FAILURE") ?? "UNKNOWN";
}

function playTo(stream: Stream, hello: Uint8Array, { answer }: Case): void {
  const { session } = stream;
  if (!(session instanceof Session)) throw new Error("the stream has no session of ours");
  const close = session.handOver(stream);
  const answered = answer({
    ...{ stream: stream.id, hello, attempt: 1 },
    socket: socketOf(session),
    send(...frames) {
      const bytes = Buffer.concat(frames);
      if (bytes.length > 0) session.sendRaw(bytes, dataBytes(bytes));
    },
    sendInParts(bytes, size) {
      const parts = Buffer.from(bytes);
      return session.sendRawInParts(parts, dataBytes(parts), size);
    },
    ping: () =>
      new Promise((resolve) => {
        if (!session.ping(() => resolve())) resolve();
      }),
  });
  if (answered === undefined) close();
  else void answered.finally(close);
}

/** How many bytes of frames are the payloads of DATA; the last may be cut. */
function dataBytes(frames: Buffer): number {
  let sum = 0;
  for (let at = 0; at + 9 <= frames.length;) {
    const length = frames.readUIntBE(at, 3);
    if (frames[at + 3] === DATA) sum += length;
    at += 9 + length;
  }
  return sum;
}

function socketOf({ socket }: Session): Asked["socket"] {
  const accepted = acceptedSocket(socket);
  return {
    end: () => socket.end(),
    destroy: () => socket.destroy(),
    // A Unix socket cannot be reset.
    resetAndDestroy: () =>
      accepted.remoteAddress === undefined ? accepted.destroy() : accepted.resetAndDestroy(),
  };
}
