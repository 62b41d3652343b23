import { Buffer } from "node:buffer";
import type { Socket } from "node:net";

/** The version of HTTP that a connection speaks. */
export type HttpVersion = "http2" | "http1";

/** How HTTP/2 begins. */
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/**
 * Detects by its first bytes what a connection speaks. Text is taken for HTTP/1.1, and all else for
 * HTTP/2: src/http2/ refuses what is neither.
 *
 * @param take takes over the connection, which is paused, with all of its bytes still to be read; is
 * not called if the connection closes before
 * @see https://www.rfc-editor.org/rfc/rfc9113#section-3.4
 */
export function detectHttpVersion(socket: Socket, take: (version: HttpVersion) => void): void {
  let begun: Buffer = Buffer.alloc(0);
  const read = (bytes: Buffer) => {
    begun = begun.length === 0 ? bytes : Buffer.concat([begun, bytes]);
    const version = versionOf(begun);
    if (version === undefined) return;
    // Not "readable" and `read`: after them a call by gRPC took some 7 us more of CPU.
    socket.off("data", read);
    // By HTTP/1.1 a client that has closed its side may wait for answers.
    if (version === "http1") socket.off("end", close);
    socket.pause();
    socket.unshift(begun);
    take(version);
  };
  // A client that closes its side before its version is known waits for no answer.
  const close = () => void socket.destroySoon();
  // An error that nobody listens to would end the process.
  socket.on("error", () => socket.destroy());
  socket.once("end", close);
  socket.on("data", read);
}

/** The version that begins with these bytes; undefined where more are needed. */
function versionOf(bytes: Buffer): HttpVersion | undefined {
  const { length } = PREFACE;
  if (PREFACE.subarray(0, bytes.length).equals(bytes.subarray(0, length))) {
    return bytes.length < length ? undefined : "http2";
  }
  return isText(bytes[0]!) ? "http1" : "http2";
}

/** Lines of text begin with CR or LF or a character of ASCII; a record of TLS begins with 22. */
function isText(byte: number): boolean {
  return byte === 0x0d || byte === 0x0a || byte >= 0x20 && byte < 0x7f;
}
