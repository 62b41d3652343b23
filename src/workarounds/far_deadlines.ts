/**
 * connect takes a deadline that is weeks away for one that has passed.
 *
 * - What is wrong: connect gives the time that a caller waits to `setTimeout` as it is. A timer takes
 *   2^31 - 1 ms, 25 days, and fires at once when it is given more; node:timers also prints a
 *   `TimeoutOverflowWarning` for each such call. Both protocols allow for more.
 * - Versions: @connectrpc/connect 2.2.0.
 * - Upstream: `createDeadlineSignal` in
 *   https://github.com/connectrpc/connect-es/blob/main/packages/connect/src/protocol/signals.ts
 * - Measured: `connect-timeout-ms: 9999999999` and `--delay 50ms`: DEADLINE_EXCEEDED after 1 ms, and the
 *   warning; with this file the greeting.
 * - Fails: without it "a deadline that is years away is none" in tests/http_connections_test.ts.
 * - It can go when that test passes without.
 */

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
  const [, value, unit] = /^(\d{1,8})([HMS])$/.exec(header.get("grpc-timeout") ?? "") ?? [];
  if (unit !== undefined && Number(value) * UNITS[unit]! > LONGEST_MS) {
    header.delete("grpc-timeout");
  }
}
