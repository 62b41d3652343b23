/** Why calls fail: the words of an error line, and the search for reasons that grpc-js does not give. */
import { type ServiceError, status } from "@grpc/grpc-js";
import { setTimeout as delay } from "node:timers/promises";
import type { ConnectionOptions } from "./connection_options.ts";
import {
  areOfConnection,
  BROKE,
  grpcDetailsReason,
  NO_FILE,
  REFUSED,
  UNTRUSTED,
} from "./connection_errors.ts";
import type { Target } from "./target.ts";

/** Tells a failed call from any other error. */
export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error &&
    typeof (error as Partial<ServiceError>).code === "number" &&
    typeof (error as Partial<ServiceError>).details === "string";
}

/** A failed call in the words of an error line. */
export interface FailureDescription {
  /** The gRPC status code. */
  readonly code: number;
  /** Its name: `UNAVAILABLE` for 14. */
  readonly name: string;
  /** What happened, not escaped: the server's own words where it gave any. */
  readonly reason: string;
  /** No server is there: nothing listens on the port, or the socket file does not exist. */
  readonly absent: boolean;
}

/** The details of grpc-js where a deadline passed before there was a connection. */
const NEVER_CONNECTED = /^Deadline exceeded after .*(?:Waiting for LB pick|name resolution$)/;
/** The details of other implementations of gRPC, and of grpc-js's `cancel`, where a deadline passed. */
const OWN_DEADLINE = /^(?:(?:context )?deadline exceeded|Cancelled on client$|$)/i;
/** The details of grpc-js where a server reset the call with ENHANCE_YOUR_CALM (RFC 9113, section 7). */
const CALMED = "Bandwidth exhausted or memory limit exceeded";
/** Begins the details of a call whose deadline passed, once the reason for no connection is known. */
const NO_CONNECTION = "No connection before the deadline: ";

/**
 * Describes a failed call, without those parts of grpc-js's messages that only its developers can
 * read. An error without a status is a fault of the client: it is described as INTERNAL, not thrown,
 * so that the results of a batch's other calls are still told.
 *
 * @param timeout the deadline that the call had, in words: `1 s`
 */
export function describeFailure(error: unknown, timeout: string): FailureDescription {
  if (!isServiceError(error)) {
    const reason = `a fault of the client: ${error}`;
    return { code: status.INTERNAL, name: "INTERNAL", reason, absent: false };
  }
  const { code } = error;
  const reason = failureReason(error, timeout);
  return {
    code,
    name: status[code] ?? `status ${code}`,
    reason,
    absent: code === status.UNAVAILABLE && (reason === REFUSED || reason === NO_FILE),
  };
}

function failureReason({ code, details }: ServiceError, timeout: string): string {
  if (code === status.DEADLINE_EXCEEDED) {
    if (details.startsWith(NO_CONNECTION)) {
      return `no connection within ${timeout}: ${details.slice(NO_CONNECTION.length)}`;
    }
    if (NEVER_CONNECTED.test(details)) return `no HTTP/2 connection within ${timeout}`;
    // The deadline of another call, which the server has made to answer this one.
    if (!OWN_DEADLINE.test(details)) return details;
    return `no answer within ${timeout}`;
  }
  if (isCalmed({ code, details })) return "the server refused it as too much (ENHANCE_YOUR_CALM)";
  if (code === status.UNAVAILABLE && areOfConnection(details)) {
    return grpcDetailsReason(details);
  }
  return details || "no reason given";
}

/** The parts of a status that say why a call failed. */
interface StatusReason {
  readonly code: number;
  readonly details: string;
}

/** Whether a server has refused a call as too much, most often for the size of its headers. */
function isCalmed({ code, details }: StatusReason): boolean {
  return code === status.RESOURCE_EXHAUSTED && details === CALMED;
}

/**
 * Whether a connection of our own to the server may show a reason that grpc-js does not give: the server
 * ended the connection before HTTP/2 began, its certificate is not valid, there never was a connection,
 * the path may not be one of a socket file, or the headers may be larger than the server takes.
 */
export function needsDiagnosis(failed: StatusReason, { endpoint }: Target): boolean {
  const { code, details } = failed;
  if (isCalmed(failed)) return true;
  if (code === status.DEADLINE_EXCEEDED) return NEVER_CONNECTED.test(details);
  if (code !== status.UNAVAILABLE || !areOfConnection(details)) return false;
  const known = grpcDetailsReason(details);
  return [BROKE, UNTRUSTED].includes(known) || known.startsWith("HTTP/2 protocol error") ||
    "path" in endpoint && known !== NO_FILE;
}

/** The status of a call with the reason that was found out. */
export function withReason<S extends StatusReason>(failed: S, reason: string): S {
  const isLate = failed.code === status.DEADLINE_EXCEEDED;
  return { ...failed, details: isLate ? NO_CONNECTION + reason : reason };
}

/** How long the status of a failed call may be delayed to find out the reason, in milliseconds. */
const MAX_DELAY_MS = 1_000;

/** How long before a deadline the reason is looked for, in milliseconds; half the time at most. */
const LEAD_MS = 1_000;

/**
 * How long a reason counts for other calls, in milliseconds: of many calls that fail, few make a
 * connection of their own. Not for long, since a server may come up.
 */
const VALID_MS = 2_000;

/** Finds out why the calls of a channel fail, and why they have no connection while they are in flight. */
export interface Diagnosis {
  /** A call starts; its deadline is in milliseconds since the epoch, or Infinity. */
  callStarted(deadline: number): void;
  /** That call has ended. */
  callEnded(): void;
  /** The reason for a status, if it is found out before the deadline; undefined otherwise. */
  reason(failed: StatusReason, deadline: number): Promise<string | undefined>;
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
    callEnded() {
      if (--inFlight > 0) return;
      clearTimeout(timer);
      timer = undefined;
    },
    async reason(failed, deadline) {
      const find = isCalmed(failed) ? tooMuch : noConnection;
      const maxMs = Math.min(deadline - Date.now(), MAX_DELAY_MS);
      const found = maxMs > 0
        ? await Promise.race([find.now(), delay(maxMs, undefined)])
        : undefined;
      return found ?? find.known();
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
