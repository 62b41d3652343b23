/**
 * Closing a server on a Unix socket removes the file at its path, whatever that file is by then.
 *
 * - What is wrong: libuv remembers the path that it has bound, and unlinks it when the handle is
 *   closed. The socket of a second server that took its place is removed too, and so is any other file.
 * - Versions: Node 20 and Deno 2.9.2 to 2.9.6. A process that ends without closing removes nothing.
 * - Upstream: `uv__pipe_close` in https://github.com/libuv/libuv/blob/v1.x/src/unix/pipe.c
 * - Measured on both: `listen`, `rm`, a text file in its place, `close`: the file is gone. With this
 *   file it stays.
 * - Fails: without it "a server leaves a file alone that took its socket's place" in
 *   tests/server/connection_test.ts.
 * - It can go when a server can be told to leave its file alone.
 */
import type { Server } from "node:net";

/**
 * Stops a server on a Unix socket and, if the file at its path is its own, removes that.
 *
 * If the file is another one, nobody can connect to the server any more. The server then stays open until
 * the process ends, since closing it would remove the file.
 *
 * @param isOwn whether the file is the one that the server has made
 * @param allClosed waits until no connection is open
 * @returns once no connection is open
 */
export function closeUnixServer(
  server: Server,
  isOwn: boolean,
  allClosed: () => Promise<void>,
): Promise<void> {
  if (isOwn) return new Promise((resolve) => server.close(() => resolve()));
  server.removeAllListeners("connection");
  server.on("connection", (socket) => socket.destroy());
  server.unref();
  return allClosed();
}
