/**
 * node:http answers all the requests of one read, however many, before anything else is done.
 *
 * - What is wrong: a read of 64 KiB has up to 2,400 requests, each of which takes some 70 us; neither
 *   `destroy` nor `pause` of the socket, nor `pause` of its parser, stops the parser on the way, which
 *   takes its bytes from the handle of the socket.
 * - Versions: Deno 2.9.2.
 * - Upstream: `socketOnData` and `parser.consume` in
 *   https://github.com/denoland/deno/blob/main/ext/node/polyfills/_http_server.ts; no issue is known.
 * - Measured: of 40,000 requests sent at once to a server that destroys the connection at the 17th, it
 *   takes 2,427 (160 ms) without this file, 37 in parts of 1 KiB.
 * - Fails: without it "many requests in one read hold up nobody else" in tests/abuse/http_test.ts.
 * - It can go when that test passes without.
 */
import type { Server } from "node:http";
import type { Socket } from "node:net";

type Listener = (bytes: Uint8Array) => void;

/** A part has at most some 75 requests; a body of 4 MiB has 2,048 parts. */
const PART_BYTES = 2_048;

/**
 * Gives a connection to a server of node:http, and its bytes in parts.
 *
 * @param isOver asked before each part: whether nothing that still comes is to be parsed
 * @throws {Error} if node:http reads in another way after an update
 */
export function serveInParts(server: Server, socket: Socket, isOver: () => boolean): void {
  // Otherwise the parser reads from the handle, past the listeners of "data".
  const { _handle: handle } = socket as { _handle?: { _consumed?: boolean } | null };
  if (handle) handle._consumed = true;
  const before = socket.listeners("data");
  server.emit("connection", socket);
  const added = socket.listeners("data").filter((one) => !before.includes(one));
  const [parse, ...others] = added as Listener[];
  if (parse === undefined || others.length > 0) {
    throw new Error("node:http reads in another way: check src/workarounds/many_requests.ts");
  }
  socket.off("data", parse);
  socket.on("data", (bytes: Uint8Array) => {
    for (let start = 0; start < bytes.length && !isOver(); start += PART_BYTES) {
      parse(bytes.subarray(start, start + PART_BYTES));
    }
  });
}
