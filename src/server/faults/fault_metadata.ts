import { PREVIOUS_ATTEMPTS } from "../../contract/metadata_names.ts";
import { LAST_STATUS, statusName } from "../../contract/status_codes.ts";
import type { Answer, IncomingCall } from "../call/incoming_call.ts";
import { MAX_DELAY_MS, type Plan, type Planner, type Random } from "./plan.ts";
import { refusal } from "./refusal.ts";

// https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/fault_filter
const ABORT = "x-envoy-fault-abort-grpc-request";
const ABORT_PERCENTAGE = "x-envoy-fault-abort-request-percentage";
const DELAY = "x-envoy-fault-delay-request";
const DELAY_PERCENTAGE = "x-envoy-fault-delay-request-percentage";
// Of gRPC's own test servers. A longer list of behaviors is refused: nobody needs one, and it takes time.
const BEHAVIOR = "rpc-behavior";
const MAX_BEHAVIOR_LENGTH = 1_000;

const MAX_ATTEMPTS = 1_000;

/**
 * Makes plans from what calls ask for in their metadata, in the words of Envoy's fault filter
 * (`x-envoy-fault-abort-grpc-request: 14`, `x-envoy-fault-delay-request: 200`, both with percentages)
 * and of gRPC's own test servers (`rpc-behavior: sleep-2,error-code-14`), which here have the cases
 * of the gauntlet too (`wire-no-trailers`). A call may ask in both: then Envoy's come first, as with an
 * Envoy in front of the server.
 *
 * What makes no sense is INVALID_ARGUMENT with a `google.rpc.BadRequest` that names the header.
 *
 * @param instance the name that `hostname=NAME` in front of a behavior has to be, for it to apply
 * @param random draws the calls that a percentage concerns
 * @see https://github.com/grpc/grpc-node/blob/master/packages/grpc-js-xds/interop/xds-interop-server.ts
 */
export function metadataPlanner(instance: string | undefined, random: Random): Planner {
  return (call) => {
    try {
      return planFor(call, instance, random);
    } catch (error) {
      if (error instanceof HeaderError) return refusal(error.header, error.expected);
      throw error;
    }
  };
}

// As gRPC's own test servers have them.
const ECHO_INITIAL = "x-grpc-test-echo-initial";
const ECHO_TRAILING = "x-grpc-test-echo-trailing-bin";

/**
 * Has calls get back the metadata that they send for that, whatever is planned for them: that is no fault.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md#custom_metadata
 */
export function withEcho(plan: Planner): Planner {
  return (call) => {
    const planned = plan(call);
    const initial = call.metadata(ECHO_INITIAL);
    const trailing = call.metadata(ECHO_TRAILING);
    if (initial.length === 0 && trailing.length === 0) return planned;
    return {
      ...planned,
      ...(initial.length > 0 && { metadata: { ...planned?.metadata, [ECHO_INITIAL]: initial } }),
      ...(trailing.length > 0 && { trailers: { ...planned?.trailers, [ECHO_TRAILING]: trailing } }),
    };
  };
}

function planFor(
  call: IncomingCall,
  instance: string | undefined,
  random: Random,
): Plan | undefined {
  const delay = numberIn(call, DELAY, 0, MAX_DELAY_MS);
  const delayPercentage = numberIn(call, DELAY_PERCENTAGE, 0, 100, "%");
  const abort = numberIn(call, ABORT, 1, LAST_STATUS);
  const abortPercentage = numberIn(call, ABORT_PERCENTAGE, 0, 100, "%");
  const behaviors = behaviorsIn(call).filter(({ hostname }) =>
    hostname === undefined || hostname === instance
  );
  if (delay === undefined && abort === undefined && behaviors.length === 0) return undefined;
  const delayMs = delay !== undefined && isDrawn(random, delayPercentage) ? delay : 0;
  if (abort !== undefined && isDrawn(random, abortPercentage)) {
    return failing(ABORT, delayMs, abort);
  }
  return behave(behaviors, delayMs, call);
}

function isDrawn(random: Random, percentage = 100): boolean {
  return random() * 100 < percentage;
}

/** What one entry of `rpc-behavior` asks for. */
interface Behavior {
  /** The server that is meant; undefined for any. */
  readonly hostname: string | undefined;
  readonly kind: string;
  /** Seconds, a status code, or how many attempts. */
  readonly amount: number;
  /** The name of a case of the gauntlet. */
  readonly wire: string | undefined;
}

/** Does what the behaviors say, in their order, up to the first that ends the call. */
function behave(
  behaviors: readonly Behavior[],
  delayMs: number,
  call: IncomingCall,
): Plan {
  for (const { kind, amount, wire } of behaviors) {
    switch (kind) {
      case "sleep":
        delayMs += amount * 1_000;
        if (delayMs <= MAX_DELAY_MS) continue;
        throw new HeaderError(BEHAVIOR, `at most ${MAX_DELAY_MS / 1_000} s of delay in all`);
      case "error-code":
        return failing(BEHAVIOR, delayMs, amount);
      case "keep-open":
        return { source: "metadata", keepOpen: true };
      case "wire":
        return { ...delayed(delayMs), source: "metadata", wire: wire! };
      default:
        if (amount === (numberIn(call, PREVIOUS_ATTEMPTS, 0, MAX_ATTEMPTS) ?? 0)) {
          return delayed(delayMs);
        }
    }
  }
  return delayed(delayMs);
}

function delayed(delayMs: number): Plan {
  return delayMs > 0 ? { source: "metadata", delayMs } : {};
}

function failing(header: string, delayMs: number, code: number): Plan {
  const answer: Answer = { code: statusName(code), reason: `failed on purpose (${header})` };
  return { ...delayed(delayMs), source: "metadata", answer };
}

const BEHAVIOR_FORM = new RegExp(
  "^(?:hostname=(?<hostname>\\S+) +)?(?:(?<kind>keep-open)|" +
    "(?<kind>wire)-(?<wire>[\\da-z_-]{1,80})|" +
    "(?<kind>sleep)-(?<amount>\\d{1,2}(?:\\.\\d{1,3})?)|" +
    "(?<kind>error-code|succeed-on-retry-attempt)-(?<amount>\\d{1,4}))$",
);

/** The entries of `rpc-behavior`: of all its values, each of which may be a list. */
function behaviorsIn(call: IncomingCall): Behavior[] {
  const text = call.metadata(BEHAVIOR).join(",");
  if (text.length > MAX_BEHAVIOR_LENGTH) {
    throw new HeaderError(BEHAVIOR, `at most ${MAX_BEHAVIOR_LENGTH} characters`);
  }
  return text.split(",").map((entry) => entry.trim()).filter((entry) => entry !== "").map(
    behaviorOf,
  );
}

function behaviorOf(entry: string): Behavior {
  const { hostname, kind, amount: digits, wire } = BEHAVIOR_FORM.exec(entry)?.groups ?? {};
  const amount = Number(digits ?? 0);
  const isStatus = amount >= 1 && amount <= LAST_STATUS;
  if (kind === undefined || (kind === "error-code" && !isStatus)) {
    throw new HeaderError(
      BEHAVIOR,
      `sleep-SECONDS, error-code-N (1 to ${LAST_STATUS}), keep-open, wire-NAME or ` +
        "succeed-on-retry-attempt-N, each with hostname=NAME before it or not",
    );
  }
  return { hostname, kind, amount, wire };
}

function numberIn(
  call: IncomingCall,
  header: string,
  min: number,
  max: number,
  unit = "",
): number | undefined {
  const values = call.metadata(header);
  if (values.length === 0) return undefined;
  const [value = ""] = values;
  const text = unit !== "" && value.endsWith(unit) ? value.slice(0, -unit.length) : value;
  const isNumber = values.length === 1 && /^\d{1,9}$/.test(text);
  if (isNumber && Number(text) >= min && Number(text) <= max) return Number(text);
  throw new HeaderError(header, `a number from ${min} to ${max}`);
}

/** A header does not hold what it has to. */
class HeaderError extends Error {
  constructor(readonly header: string, readonly expected: string) {
    super(`${header} expects ${expected}`);
  }
}
