/** What a single process that serves and a supervisor share: how they start, and how they end. */
import { ExitCode, exitCodeOfSignal, type StopSignals, takeStopSignals } from "../cli/exit.ts";
import type { TcpEndpoint } from "../contract/endpoint.ts";
import type { ServerOptions } from "../server/server.ts";
import type { Log } from "../telemetry/log.ts";
import type { LogFormat } from "../telemetry/log_format.ts";
import { tooFewDescriptors } from "../workarounds/descriptors_run_out.ts";
import { reloadsOnSighup } from "./reload.ts";

/**
 * What `usersvc serve` was asked for. Plain values only: the supervisor sends it to its workers as
 * JSON.
 */
export interface ServeOptions extends ServerOptions {
  /** How long calls in flight may take once the server drains, in milliseconds. */
  readonly graceMs: number;
  /** The format of the log. */
  readonly log: LogFormat;
  /** Where to serve metrics; absent for none. */
  readonly metrics?: TcpEndpoint;
  /** The names of the metadata that records of calls have, in lower case; absent: none. */
  readonly logMetadata?: readonly string[];
  /** How many of the calls that have ended last are kept, for those who ask for them; absent: none. */
  readonly record?: number;
  /** A command runs while the server serves: stdout is the command's, and the whole log on stderr. */
  readonly hasCommand?: true;
  /** The end of stdin drains the server, as SIGTERM does. */
  readonly untilStdinCloses?: true;
}

/** How long the last log lines of a process may take to be read, in milliseconds. */
export const FLUSH_MS = 1_000;

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
  { endpoints }: ServeOptions,
  workers: number | undefined,
): string | undefined {
  const listening = NEEDED.listening + (hasSocketFile(endpoints) ? NEEDED.socketFile : 0);
  const needed = workers === undefined
    ? listening
    : Math.max(listening + NEEDED.starting + NEEDED.worker * workers, NEEDED.inWorker);
  return tooFewDescriptors(needed, "serve like this");
}

/**
 * Gives up the permissions that a server which listens no longer needs. It keeps reading for a reload
 * of TLS files and to recognise its socket file, writing to remove the socket file.
 *
 * @param writes something else is still to be written or removed
 */
export function dropPrivileges({ tls, endpoints, faults }: ServeOptions, writes = false): void {
  const hasFiles = tls !== undefined || faults.answers !== undefined || hasSocketFile(endpoints);
  Deno.permissions.revokeSync({ name: "sys" });
  if (!hasFiles) Deno.permissions.revokeSync({ name: "read" });
  if (!hasSocketFile(endpoints) && !writes) Deno.permissions.revokeSync({ name: "write" });
}

function hasSocketFile(endpoints: ServeOptions["endpoints"]): boolean {
  return endpoints.some((endpoint) => "path" in endpoint);
}

/** What asks a server to stop. */
export interface StopRequests {
  /** Settles with what asked first: `SIGTERM`, or `stdin has closed`. */
  readonly first: Promise<string>;
  /** Settles with a signal that is to end the server at once, while it drains. */
  readonly second: Promise<Deno.Signal>;
}

/**
 * Takes over the signals that ask a server to stop: SIGHUP too, which a closing terminal sends, unless
 * the server has files that it reads again then.
 *
 * @param more further signals
 */
export function takeServerSignals(
  options: ServeOptions,
  more: readonly Deno.Signal[] = [],
): StopSignals {
  if (Deno.build.os === "windows") return takeStopSignals();
  return takeStopSignals(reloadsOnSighup(options) ? more : ["SIGHUP", ...more]);
}

/**
 * Takes over what asks a server to stop: its signals, and the end of stdin where that is wanted. That is
 * no signal: after it, too, only the second signal ends the server at once.
 */
export function takeStopRequests(options: ServeOptions): StopRequests {
  const signals = takeServerSignals(options);
  const signal = signals.next();
  return {
    first: options.untilStdinCloses ? Promise.race([signal, stdinClosed()]) : signal,
    second: signal.then(() => signals.next()),
  };
}

/** Reads stdin to its end, and drops what it reads; an error is an end as well. */
async function stdinClosed(): Promise<string> {
  const buffer = new Uint8Array(4096);
  try {
    while (await Deno.stdin.read(buffer) !== null);
  } catch {
    // Nothing can tell any more whether anyone holds it.
  }
  return "stdin has closed";
}

/** How a drain ended. */
export interface DrainOutcome {
  /** How many calls had to be cancelled because the grace period was over. */
  readonly cancelled: number;
  /** How many workers ended before they had drained; absent where one process serves. */
  readonly died?: number;
}

/** What is cut where nothing drains. */
export interface CutCalls {
  /** How many calls were in flight. */
  readonly cancelled: number;
  /** There may be more: a worker did not say how many it had. */
  readonly unknown?: true;
}

/** A server, or a pool of workers. */
export interface Drainable {
  /** Finishes the calls in flight; those that are not done after the grace period are cancelled. */
  drain(graceMs: number): Promise<DrainOutcome>;
  /** Ends it at once, as far as the end of this process does not. */
  end(): Promise<CutCalls>;
}

/**
 * Drains once something asks for it. A signal that comes then ends at once what is left, and the log says what
 * that cuts.
 *
 * @returns the exit code
 */
export async function drainUnlessEnded(
  server: Drainable,
  graceMs: number,
  stop: StopRequests,
  log: Log,
): Promise<number> {
  const why = await stop.first;
  let isEnded = false;
  const ended = stop.second.then(async (second) => {
    isEnded = true;
    const { cancelled, unknown } = await server.end();
    log.notice({
      level: "warn",
      event: "ended_at_once",
      message: `${second} during the drain: ended at once, calls cut: ` +
        `${unknown ? "at least " : ""}${cancelled}`,
      fields: { reason: second, cancelled },
    });
    return exitCodeOfSignal(second);
  });
  // Once it has been ended the log says what that cut, and not how the drain went.
  const notice: Log["notice"] = (one) => isEnded || log.notice(one);
  const drained = drainAndReport(server, graceMs, why, { notice });
  return await Promise.race([drained.then((code) => isEnded ? ended : code), ended]);
}

/**
 * Drains a server or a pool of workers, and reports it in the log.
 *
 * @param why what made it drain: `SIGTERM`
 * @returns the exit code: a failure if calls had to be cancelled or workers died
 */
export async function drainAndReport(
  server: Pick<Drainable, "drain">,
  graceMs: number,
  why: string,
  log: Pick<Log, "notice">,
): Promise<number> {
  log.notice({
    level: "info",
    event: "draining",
    message: `${why}: draining, calls in flight have ${graceMs / 1000} s to finish`,
    fields: { reason: why, grace_ms: graceMs },
  });
  const { cancelled, died } = await server.drain(graceMs);
  const isClean = cancelled === 0 && (died ?? 0) === 0;
  const loss = died === undefined
    ? `the grace period is over, calls cancelled: ${cancelled}`
    : `the drain is over, calls cancelled: ${cancelled}, workers that died: ${died}`;
  log.notice({
    level: isClean ? "info" : "warn",
    event: "drained",
    message: isClean ? "drained, every call has finished" : loss,
    fields: died === undefined ? { cancelled } : { cancelled, died },
  });
  return isClean ? ExitCode.OK : ExitCode.FAILURE;
}
