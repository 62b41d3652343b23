/** The file descriptors that a server needs to start, and the permissions that it gives up then. */
import { tooFewDescriptors } from "../workarounds/descriptors_run_out.ts";
import type { ServeOptions } from "./lifecycle.ts";

/**
 * Gives up the permissions that a server which listens no longer needs. It keeps reading for a reload
 * of TLS files and to recognise its socket file, writing to remove the socket file.
 */
export function dropPrivileges({ tls, endpoints, faults }: ServeOptions): void {
  const hasSocketFile = endpoints.some((endpoint) => "path" in endpoint);
  const hasFiles = tls !== undefined || faults.answers !== undefined || hasSocketFile;
  Deno.permissions.revokeSync({ name: "sys" });
  if (!hasFiles) Deno.permissions.revokeSync({ name: "read" });
  if (!hasSocketFile) Deno.permissions.revokeSync({ name: "write" });
}

/**
 * How many file descriptors have to be free when a server starts: with fewer it would start and
 * answer no call, or Deno would panic. Measured with Deno 2.9.2 and `ulimit -n` from 10 up; with fewer
 * than 22 Deno may fail before any of our code runs.
 */
const NEEDED = {
  /** To load modules, to listen, and for the first connections. */
  listening: 16,
  /** With fewer left, a socket file accepts no connection: see listen.ts. */
  socketFile: 225,
  /** To start a worker, while it starts. */
  starting: 8,
  /** For each worker: its channel and its process. */
  worker: 2,
  /** In a worker; with fewer left, it takes no further connection: see descriptors_run_out.ts. */
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
  return tooFewDescriptors(needed, "serve like this");
}
