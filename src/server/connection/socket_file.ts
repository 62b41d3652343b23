import { connect } from "node:net";
import { formatCount } from "../../text/amounts.ts";

/** The longest path of a Unix socket, in bytes: the system's field for it also takes a final 0. */
const MAX_PATH_BYTES = Deno.build.os === "linux" ? 107 : 103;

/** Tells a file from another that took its place; the inode number alone may be used again. */
type FileIdentity = Pick<Deno.FileInfo, "dev" | "ino" | "mtime">;

/**
 * Makes the path of a Unix socket free: a socket file on which nobody listens is removed. A server
 * that was killed leaves such a file behind, and the system would refuse to listen there.
 *
 * @throws {Error} with the code EADDRINUSE if a program listens there, EEXIST if the path is something
 * else than a socket, or ENAMETOOLONG if it is too long for one
 */
export async function claimSocketFile(path: string): Promise<void> {
  checkLength(path);
  const file = await Deno.lstat(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  });
  if (file === undefined) return;
  // Only what a server left behind may be removed.
  if (!file.isSocket) {
    throw Object.assign(new Error("it exists and is not a socket"), { code: "EEXIST" });
  }
  if (await isListening(path)) {
    throw Object.assign(new Error("address already in use"), { code: "EADDRINUSE" });
  }
  // Another server may have been faster, and listen there by now.
  if (isThere(path, file)) Deno.removeSync(path);
}

/** What identifies the file at a path; undefined if there is none. */
export function identify(path: string): FileIdentity | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Whether the file at a path is this one, and not another that took its place. */
export function isThere(path: string, { dev, ino, mtime }: FileIdentity): boolean {
  const now = identify(path);
  return now !== undefined && now.dev === dev && now.ino === ino &&
    now.mtime?.getTime() === mtime?.getTime();
}

function checkLength(path: string): void {
  const excess = new TextEncoder().encode(path).length - MAX_PATH_BYTES;
  if (excess <= 0) return;
  throw Object.assign(
    new Error(
      `the path is ${formatCount(excess, "byte")} too long: ${MAX_PATH_BYTES} are possible`,
    ),
    { code: "ENAMETOOLONG" },
  );
}

function isListening(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ path }, () => resolve(true));
  // Any other error, such as that of a full queue, means that a program listens there.
  socket.once("error", (error: Error & { code?: string }) => {
    resolve(error.code !== "ECONNREFUSED" && error.code !== "ENOENT");
  });
  return promise.finally(() => socket.destroy());
}
