import { connect } from "node:net";

/**
 * Makes the path of a Unix socket free: a socket file on which nobody listens is removed. A server
 * that was killed leaves such a file behind, and the system would refuse to listen there.
 *
 * @throws {Error} with the code EADDRINUSE if a program listens there, or EEXIST if the path is
 * something else than a socket
 */
export async function claimSocketFile(path: string): Promise<void> {
  const file = await Deno.lstat(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  });
  if (file === undefined) return;
  // Only what a server left behind may be removed.
  if (!file.isSocket) {
    throw Object.assign(
      new Error("it exists and is not a socket; choose another path with --unix"),
      {
        code: "EEXIST",
      },
    );
  }
  if (await isListening(path)) {
    throw Object.assign(new Error("address already in use"), { code: "EADDRINUSE" });
  }
  await Deno.remove(path);
}

/** Removes a socket file at the end; one that is already gone is as well. */
export function removeSocketFile(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // The system, or the one who started us, was faster.
  }
}

function isListening(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ path }, () => resolve(true));
  // Any answer but "nobody is there" means that a program holds it, such as one with a full queue.
  socket.once("error", (error: Error & { code?: string }) => {
    resolve(error.code !== "ECONNREFUSED" && error.code !== "ENOENT");
  });
  return promise.finally(() => socket.destroy());
}
