/** What a server needs of the system to start, and what it gives up once it listens. */
import { canOpen } from "../workarounds/descriptors_run_out.ts";
import type { ServeOptions } from "./lifecycle.ts";

/**
 * Gives up, once a server listens, the permissions that it no longer needs: to read files without
 * TLS files to read again or a socket file to recognise, to write files without one to remove.
 */
export function dropPrivileges({ tls, endpoints }: ServeOptions): void {
  const hasSocketFile = endpoints.some((endpoint) => "path" in endpoint);
  if (tls === undefined && !hasSocketFile) Deno.permissions.revokeSync({ name: "read" });
  if (!hasSocketFile) Deno.permissions.revokeSync({ name: "write" });
}

/**
 * How many file descriptors have to be free when a server starts: with fewer it would start and
 * answer no call, or Deno would panic. Measured with Deno 2.9.2 and `ulimit -n` from 10 up; with fewer
 * than 21 Deno may fail before any of our code runs.
 */
const NEEDED = {
  /** To load modules, to listen, and for the first connections. */
  listening: 16,
  /** A socket file takes no connection where fewer are left: see listen.ts. */
  socketFile: 225,
  /** To start a worker. */
  starting: 8,
  /** For each worker: the channel to it, its process. */
  worker: 2,
  /** In a worker, which takes no further connection where fewer are left: see descriptors_run_out.ts. */
  inWorker: 56,
};

/**
 * Checks whether a server has enough file descriptors to start with.
 *
 * @param workers how many workers it is to have, undefined for none
 * @returns what is missing, one line; undefined if it is enough
 */
export function descriptorsMissing(
  hasSocketFile: boolean,
  workers: number | undefined,
): string | undefined {
  const listening = NEEDED.listening + (hasSocketFile ? NEEDED.socketFile : 0);
  const needed = workers === undefined
    ? listening
    : Math.max(listening + NEEDED.starting + NEEDED.worker * workers, NEEDED.inWorker);
  if (canOpen(needed)) return undefined;
  return `too few file descriptors: ${needed} have to be free to serve like this; ` +
    "allow more (ulimit -n 1024)";
}
