/** The search for reasons of failed calls that grpc-js does not give. */
import { setTimeout as delay } from "node:timers/promises";
import type { ConnectionOptions } from "./connection_options.ts";
import {
  BROKE,
  BROKE_HTTP2,
  connectionReason,
  type FailedStatus,
  isCalmed,
  isNeverConnected,
  isOfConnection,
  NO_FILE,
  UNTRUSTED,
} from "./failure.ts";
import type { Target } from "./target.ts";

/**
 * Whether a connection of our own to the server may show a reason that grpc-js does not give: the server
 * ended the connection before HTTP/2 began, its certificate is not valid, there never was a connection,
 * the path may not be one of a socket file, or the headers may be larger than the server takes.
 */
function needsDiagnosis(failed: FailedStatus, { endpoint }: Target): boolean {
  if (isCalmed(failed) || isNeverConnected(failed)) return true;
  if (!isOfConnection(failed)) return false;
  const known = connectionReason(failed.details);
  return [BROKE, UNTRUSTED].includes(known) || known.startsWith(BROKE_HTTP2) ||
    "path" in endpoint && known !== NO_FILE;
}

/** How long a failed call may wait for the reason to be found, in milliseconds. */
const MAX_SEARCH_MS = 1_000;

/** How long before a deadline the reason is looked for, in milliseconds; half the time at most. */
const LEAD_MS = 1_000;

/**
 * How long a reason counts for other calls, in milliseconds: of many calls that fail, few make a
 * connection of their own. Not for long, since a server may come up.
 */
const VALID_MS = 2_000;

/** Finds out why the calls of a channel fail, and why they have no connection while they are in flight. */
interface Diagnosis {
  /** A call starts; its deadline is in milliseconds since the epoch, or Infinity. */
  callStarted(deadline: number): void;
  /** That call has ended: passes its status on, with the reason if that is found before the deadline. */
  callEnded<S extends FailedStatus>(status: S, deadline: number, pass: (status: S) => void): void;
}

/**
 * Looks for the reason shortly before the first deadline of the calls in flight if there is no
 * connection then, and repeats that while there is none: after a deadline there is no time for it.
 *
 * @param isConnected whether the channel has a connection
 */
export function diagnose(connection: ConnectionOptions, isConnected: () => boolean): Diagnosis {
  const noConnection = reasonFinder(async () =>
    await (await import("./probe.ts")).explainConnection(connection)
  );
  const tooMuch = reasonFinder(async () =>
    await (await import("./probe.ts")).explainHeaderSize(connection)
  );
  let inFlight = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function look(leadMs: number): void {
    if (isConnected()) noConnection.forget();
    else void noConnection.now();
    timer = setTimeout(look, leadMs, leadMs);
  }

  async function findReason(failed: FailedStatus, deadline: number): Promise<string | undefined> {
    const finder = isCalmed(failed) ? tooMuch : noConnection;
    const maxMs = Math.min(deadline - Date.now(), MAX_SEARCH_MS);
    const found = maxMs > 0
      ? await Promise.race([finder.now(), delay(maxMs, undefined)])
      : undefined;
    return found ?? finder.known();
  }

  return {
    callStarted(deadline) {
      inFlight++;
      if (timer !== undefined || deadline === Infinity) return;
      if (isConnected()) noConnection.forget();
      // One timer for all calls: one for each would take 2 % of a batch.
      const leftMs = deadline - Date.now();
      const leadMs = Math.min(leftMs / 2, LEAD_MS);
      timer = setTimeout(look, leftMs - leadMs, leadMs);
    },
    callEnded(status, deadline, pass) {
      if (--inFlight === 0) {
        clearTimeout(timer);
        timer = undefined;
      }
      if (!needsDiagnosis(status, connection.target)) return pass(status);
      void findReason(status, deadline)
        .then((reason) => pass(reason === undefined ? status : { ...status, reason }));
    },
  };
}

/** Looks for a reason, once for all who ask in {@linkcode VALID_MS}. */
function reasonFinder(explain: () => Promise<string | undefined>) {
  let search: Promise<string | undefined> | undefined;
  let found: string | undefined, validUntil = 0;

  async function probe(): Promise<string | undefined> {
    found = await explain();
    validUntil = Date.now() + VALID_MS;
    search = undefined;
    return found;
  }

  return {
    /** The last reason, also while a newer one is looked for: a deadline leaves no time to wait for it. */
    known: () => found,
    now: () => Date.now() < validUntil ? Promise.resolve(found) : search ??= probe(),
    /** The reason no longer counts. */
    forget() {
      found = undefined;
      validUntil = 0;
    },
  };
}
