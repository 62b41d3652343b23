/** What went over a connection. It is kept as bytes: only that of a case that failed is decoded. */
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import type { Observer } from "../http2/session.ts";

/** A connection that is recorded. */
export interface Recording {
  /** What went over it, in lines for people, which are escaped. */
  lines(): Promise<readonly string[]>;
}

/** How many bytes are kept of a connection: its start. */
const MAX_BYTES = 64 * 1024;

/** How many lines are shown. */
const MAX_LINES = 60;

/** Something that the client sees, which stands in a line of its own or several. */
interface Part {
  /** When, in milliseconds. */
  readonly at: number;
  readonly show: (connection: Observer) => void;
}

/**
 * Records a connection of a server from now on.
 *
 * @param name stands before each frame
 * @param peer the server's address
 */
export function recordConnection(socket: Socket, name: string, peer: string): Recording {
  const start = performance.now();
  const parts: Part[] = [];
  let size = 0, isCut = false;
  const add = (show: Part["show"]) => {
    if (!isCut) parts.push({ at: performance.now(), show });
  };
  const keep = (side: "sent" | "received", bytes: Uint8Array) => {
    size += bytes.length;
    isCut ||= size > MAX_BYTES;
    const copy = isCut ? undefined : Buffer.from(bytes);
    add((connection) => connection[side](copy!));
  };
  socket.on("data", (bytes: Buffer) => keep("sent", bytes));
  const { write, end, resetAndDestroy } = socket;
  socket.write = (bytes: Uint8Array | string) => {
    keep("received", Buffer.from(bytes as Uint8Array));
    return write.call(socket, bytes);
  };
  socket.end = () => {
    // node:net calls it too, once the client has closed its side.
    if (!socket.readableEnded) add((connection) => connection.ended());
    return end.apply(socket);
  };
  socket.resetAndDestroy = () => {
    add((connection) => connection.ended(new Error("the server resets the connection")));
    return resetAndDestroy.call(socket);
  };
  return {
    async lines() {
      const { connectionPrinter } = await import("../wire/connection.ts");
      const lines: string[] = [];
      let now = start;
      const print = (line: string) => void lines.push(line);
      const connection = connectionPrinter({ print, secrets: false, now: () => now })(name, peer);
      for (const { at, show } of parts) {
        now = at;
        show(connection);
      }
      const rest = lines.splice(MAX_LINES).length;
      return isCut || rest > 0 ? [...lines, "... what follows is not shown"] : lines;
    },
  };
}
