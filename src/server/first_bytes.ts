import { Buffer } from "node:buffer";
import type { Socket } from "node:net";

/** What a connection begins with. */
export type Protocol = "http2" | "http1";

/** How HTTP/2 begins: no request of HTTP/1.1 does, since the method PRI is reserved for it. */
const PREFACE = Buffer.from("PRI");

/**
 * Tells by its first bytes what a connection speaks. What cannot be HTTP/1.1 either is taken for
 * HTTP/2, whose side refuses it.
 *
 * @param take takes over the connection, which is paused, with all of its bytes still to be read; is
 * not called if the connection closes before
 * @see https://www.rfc-editor.org/rfc/rfc9113#section-3.4
 */
export function tellProtocol(socket: Socket, take: (protocol: Protocol) => void): void {
  let begun: Buffer = Buffer.alloc(0);
  const read = (bytes: Buffer) => {
    begun = begun.length === 0 ? bytes : Buffer.concat([begun, bytes]);
    const protocol = protocolOf(begun);
    if (protocol === undefined) return;
    // Not "readable" and `read`: after them a call by gRPC took some 7 us more of CPU.
    socket.off("data", read);
    socket.pause();
    socket.unshift(begun);
    take(protocol);
  };
  // An error that nobody listens to would end the process.
  socket.on("error", () => socket.destroy());
  socket.once("end", () => socket.destroySoon());
  socket.on("data", read);
}

/** undefined where more bytes are needed to tell. */
function protocolOf(bytes: Buffer): Protocol | undefined {
  if (bytes.length < PREFACE.length && PREFACE.subarray(0, bytes.length).equals(bytes)) {
    return undefined;
  }
  return isUpperCase(bytes[0]!) && !bytes.subarray(0, PREFACE.length).equals(PREFACE)
    ? "http1"
    : "http2";
}

/** Methods are in upper case; a record of TLS begins with 22. */
function isUpperCase(byte: number): boolean {
  return byte >= 0x41 && byte <= 0x5a;
}
