/** The bytes of a connection of HTTP/1.1, as its requests are read from them. */
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { LIMITS } from "../limits.ts";

/** What a connection has received. */
export interface Input {
  /** What nobody has taken yet. */
  bytes: Buffer;
  /** Whether no more bytes come: the client has closed its side, or they are dropped. */
  ended: boolean;
  /** Waits for more bytes; false where none come any more. */
  more(): Promise<boolean>;
  /** Reads on and drops all that comes: bytes that nobody reads would reset the connection when it closes. */
  drop(): void;
}

/** What was sent is no request, or too large; the message says why. */
export class RequestError extends Error {
  /** @param status the status code that says so */
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

/** The error of a request that does not follow RFC 9112. */
export function bad(message: string): RequestError {
  return new RequestError(400, message);
}

const NOTHING: Buffer = Buffer.alloc(0);

/**
 * Takes over reading from a connection, which is paused. While nobody waits for more it reads
 * {@linkcode LIMITS.aheadBytes} ahead: a socket that is not read shows neither that the client has
 * closed it nor that it was reset.
 */
export function openInput(socket: Socket): Input {
  let wake: ((more: boolean) => void) | undefined;
  const resume = (more: boolean) => {
    wake?.(more);
    wake = undefined;
  };
  const read = (received: Buffer) => {
    const { bytes } = input;
    input.bytes = bytes.length === 0 ? received : Buffer.concat([bytes, received]);
    if (wake === undefined && input.bytes.length > LIMITS.aheadBytes) socket.pause();
    resume(true);
  };
  const end = () => {
    input.ended = true;
    resume(false);
  };
  const input: Input = {
    bytes: NOTHING,
    ended: false,
    more() {
      if (input.ended) return Promise.resolve(false);
      return new Promise((resolve) => {
        wake = resolve;
        socket.resume();
      });
    },
    drop() {
      socket.off("data", read);
      input.bytes = NOTHING;
      end();
      socket.resume();
    },
  };
  socket.on("data", read).once("end", end).once("close", end);
  socket.resume();
  return input;
}

/** Takes so many bytes, or as many as have come. */
export function takeBytes(input: Input, most: number): Buffer {
  const { bytes } = input;
  const taken = bytes.subarray(0, most);
  // An empty part would keep the memory of all that was received, as long as the connection waits.
  input.bytes = taken.length === bytes.length ? NOTHING : bytes.subarray(taken.length);
  return taken;
}

const LF = 0x0a, CR = 0x0d;

/**
 * Takes a line, without the CRLF at its end; undefined while its end has not come. A line that ends
 * with LF alone is refused: a proxy in front may find other ends of lines.
 *
 * @param limit the longest line, in bytes
 * @throws {RequestError} if it is longer, or ends with LF alone
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-2.2
 */
export function takeLine(input: Input, limit: number): string | undefined {
  const { bytes } = input;
  const end = bytes.indexOf(LF);
  if ((end < 0 ? bytes.length : end) > limit) throw new RequestError(431, "too many header bytes");
  if (end < 0) return undefined;
  if (bytes[end - 1] !== CR) throw bad("a line ends without CR");
  return takeBytes(input, end + 1).toString("latin1", 0, end - 1);
}

/**
 * Takes a line as soon as it is there.
 *
 * @returns undefined if the connection ends before
 * @throws {RequestError} as {@linkcode takeLine} does
 */
export async function nextLine(input: Input, limit: number): Promise<string | undefined> {
  for (;;) {
    const line = takeLine(input, limit);
    if (line !== undefined) return line;
    if (!await input.more()) return undefined;
  }
}
