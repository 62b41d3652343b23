/** Starts worker processes: with the same program, and no more permissions than they need. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { codeOf } from "../text/errors.ts";
import { unixPeer } from "../workarounds/unknown_unix_peers.ts";
import type { Receiver } from "./hand_over.ts";
import {
  openWorkerLink,
  WORKER_VARIABLE,
  type WorkerEvent,
  type WorkerLink,
  type WorkerTask,
} from "./link.ts";

/**
 * The flags of V8 for a program that is a bundle, and for its workers; an executable has them baked in.
 *
 * Functions are compiled before they are called: then V8's code cache, which Deno fills when a module
 * is first loaded, holds them, and only the first start compiles any. The young objects of a whole
 * call fit into 8 MB, so none are collected. More than that a server does not need: after 200,000 calls
 * it had 129 MB with it, 183 without a limit, for the same CPU time.
 */
export const V8_FLAGS: readonly string[] = [
  "--no-lazy",
  "--min-semi-space-size=8",
  "--max-semi-space-size=8",
];

/** A worker process, seen from the supervisor. */
export interface WorkerProcess extends WorkerLink, Receiver {
  /** 0 if no process could be started. */
  readonly pid: number;
  /** Ends the process at once, with SIGKILL. */
  kill(): void;
  /** How the process ended, once it has. */
  readonly ended: Promise<WorkerEnd>;
}

/** How a worker ended. */
export interface WorkerEnd {
  /** For people: `exit code 1`, `SIGKILL`. */
  readonly how: string;
  readonly livedMs: number;
}

/**
 * Starts a worker: this program again, the same executable or the same `deno run`.
 *
 * @param onEvent receives what the worker reports
 */
export function startWorker(
  task: WorkerTask,
  onEvent: (event: WorkerEvent) => void,
): WorkerProcess {
  const start = performance.now();
  const child = forkSelf({ ...Deno.env.toObject(), [WORKER_VARIABLE]: JSON.stringify(task) });
  const ended = new Promise<WorkerEnd>((resolve) => {
    const over = (how: string) => resolve({ how, livedMs: performance.now() - start });
    child.on("error", (error) => over(startFault(error)));
    child.on("exit", (code, signal) => over(signal ?? `exit code ${code}`));
  });
  const link = openWorkerLink(child, onEvent);
  return {
    ...link,
    take: (socket) => link.ask("takeConnection", unixPeer(socket), socket),
    pid: child.pid ?? 0,
    kill: () => void child.kill("SIGKILL"),
    ended,
  };
}

/**
 * A folder for Deno's cache in which nothing can be made, since it lies below a device; for workers of a
 * bundle where the environment names none. Deno looks for it in the home then, does not start if there
 * is no home, and a worker's environment has none.
 */
const NO_CACHE = { DENO_DIR: "/dev/null/none" };

/** A worker reads no stdin: who waits for its end waits for the supervisor alone. */
const STDIO = ["ignore", "inherit", "inherit", "ipc"] as const;

function forkSelf(env: Record<string, string>) {
  const stdio = [...STDIO];
  const main = fileURLToPath(Deno.mainModule);
  // An executable starts again with its own permissions, whatever the arguments are.
  if (Deno.build.standalone) return fork(main, [], { env, execArgv: [], stdio });
  // Given a path alone, Deno's fork adds -A; arguments that begin with "run" it passes on unchanged.
  const isBundle = !main.endsWith(".ts");
  const flags = ["--quiet", ...(isBundle ? BUNDLE_FLAGS : []), ...ownPermissions(), main];
  const all = isBundle ? { ...NO_CACHE, ...env } : env;
  return fork("run", flags, { env: all, execArgv: [], stdio });
}

/** The sources have a configuration, which names their packages; a bundle is to find none. */
const BUNDLE_FLAGS = ["--no-config", `--v8-flags=${V8_FLAGS.join(",")}`];

/** What this process may do, without running programs, as flags of `deno run`. */
function ownPermissions(): string[] {
  const names = ["net", "read", "write"] as const;
  const granted = names.filter((name) => Deno.permissions.querySync({ name }).state === "granted");
  return [
    ...granted.map((name) => `--allow-${name}`),
    `--allow-env=${WORKER_VARIABLE},GRPC_*`,
    "--ignore-env",
    "--no-prompt",
  ];
}

/** Why a folder for temporary files cannot be used, by the code of the error. */
const FOLDER_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  ENOTDIR: "is not a folder",
  EACCES: "cannot be written",
  EPERM: "cannot be written",
  EROFS: "cannot be written",
  ENOSPC: "is full",
  EDQUOT: "is full",
};

/**
 * Puts into words why a worker could not be started. Deno needs a temporary file to start a process,
 * and reports an error of that file as one of the program to start: `spawn … ENOENT`.
 *
 * @param error what node:child_process reports
 */
function startFault(error: Error): string {
  const code = codeOf(error);
  if (code === "EMFILE" || code === "ENFILE") {
    return "no file descriptor is left to start a worker with; allow more (ulimit -n 1024)";
  }
  const folder = FOLDER_FAULTS[temporaryFileFault()];
  return folder === undefined ? error.message : "a worker cannot be started: the folder for " +
    `temporary files, TMPDIR or else /tmp, ${folder}; set TMPDIR to one that can be written`;
}

/** The code of the error when a temporary file is made; empty if one can be made. */
function temporaryFileFault(): string {
  try {
    // Deno chooses the folder, since this process has no permission to read TMPDIR.
    Deno.removeSync(Deno.makeTempFileSync({ prefix: "usersvc-" }));
    return "";
  } catch (error) {
    return codeOf(error);
  }
}
