/**
 * connect and grpc-js take a deadline that is weeks away for one that has passed.
 *
 * - What is wrong: connect gives the time that a caller waits to `setTimeout` as it is. A timer takes
 *   2^31 - 1 ms, 25 days, and fires at once when it is given more; node:timers also prints a
 *   `TimeoutOverflowWarning` for each such call. grpc-js makes a number of 32 bits of it first, which may
 *   be negative: `TimeoutNegativeWarning`. All protocols allow for more.
 * - Versions: @connectrpc/connect 2.2.0, @grpc/grpc-js 1.14.7.
 * - Upstream: `createDeadlineSignal` in
 *   https://github.com/connectrpc/connect-es/blob/main/packages/connect/src/protocol/signals.ts,
 *   `handleTimeoutHeader` in
 *   https://github.com/grpc/grpc-node/blob/%40grpc/grpc-js%401.14.0/packages/grpc-js/src/server-interceptors.ts
 * - Measured: `connect-timeout-ms: 9999999999`, or `grpc-timeout: 597H`, and `--delay 50ms`:
 *   DEADLINE_EXCEEDED after 1 ms, and the warning; with this file the greeting.
 * - Fails: without it "a deadline that is years away is none" in tests/server/http1_test.ts; after
 *   an update it throws where grpc-js has no such method.
 * - It can go when that test passes without.
 */
import { BaseServerInterceptingCall } from "@grpc/grpc-js/build/src/server-interceptors.js";
import { privateMethods } from "./private_parts.ts";

/** The longest time that a timer takes, in milliseconds. */
const LONGEST_MS = 2 ** 31 - 1;

/** The units of grpc-timeout, in milliseconds. */
const UNITS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000 };

/**
 * Takes away a deadline that no timer reaches; what is no deadline is left for connect to refuse.
 *
 * @see https://connectrpc.com/docs/protocol/#unary-request
 * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests
 */
export function dropFarDeadline(header: Headers): void {
  const [connect] = /^\d{1,10}$/.exec(header.get("connect-timeout-ms") ?? "") ?? [];
  if (Number(connect) > LONGEST_MS) header.delete("connect-timeout-ms");
  if (isFar(/^(\d{1,8})([HMS])$/.exec(header.get("grpc-timeout") ?? ""))) {
    header.delete("grpc-timeout");
  }
}

function isFar(timeout: RegExpExecArray | null): boolean {
  const [, value, unit = ""] = timeout ?? [];
  return Number(value) * (UNITS[unit] ?? 0) > LONGEST_MS;
}

interface ServerCall {
  handleTimeoutHeader(timeout: unknown): void;
}

/** Has grpc-js's servers wait for ever where no timer reaches the deadline; for `changeGrpc`. */
export function ignoreFarDeadlines(): void {
  const calls = privateMethods<ServerCall>(BaseServerInterceptingCall, ["handleTimeoutHeader"]);
  const { handleTimeoutHeader } = calls;
  calls.handleTimeoutHeader = function (timeout) {
    // What grpc-js looks for, which is less strict than the specification.
    if (!isFar(/(\d{1,8})\s*([HMSmun])/.exec(`${timeout}`))) {
      handleTimeoutHeader.call(this, timeout);
    }
  };
}
