/**
 * A session that ends as soon as it is made hangs a client, and an odd error ends it.
 *
 * - What is wrong: (1) `Http2SubchannelConnector.createSession` resolves with a new `Http2Transport` at
 *   the session's `remoteSettings`. The subchannel becomes READY, and begins to listen for the
 *   transport's end, some microtasks later. A GOAWAY in the same packet as the SETTINGS ends the
 *   session in between: the transport reports its end once, when nobody listens. The subchannel stays
 *   READY, `session.request` throws for each call, and `RetryingCall` makes a new attempt after each
 *   such failure (progress NOT_STARTED): at once, without a limit, in the same run of microtasks, so
 *   that no timer and no signal is served. The process takes a whole core, its memory grows by 100 MB a
 *   second, and neither the deadline nor SIGINT ends it. Any error in the packet of the SETTINGS does
 *   the same. Node 20 destroys the session later, and the call is UNAVAILABLE. (2) `Http2Transport`
 *   takes one `error` of its session (`once`), and none of a stream that the server has pushed, though
 *   it lets servers push. Deno emits the error of a session on each stream, and can emit two of a
 *   session; an `error` that nobody takes ends the process.
 * - Versions: @grpc/grpc-js 1.14.7 on Deno 2.9.2.
 * - Upstream: no issue is known; three small changes would do: `addDisconnectListener` calls the
 *   listener of a transport whose end was reported before, `handleChildStatus` counts attempts that
 *   were not started, and the session is made with `enablePush: false` and a lasting `error` listener.
 * - Measured: without this file a call spins as above, with it the call is UNAVAILABLE, and the server
 *   is connected to with the back-off of one that refuses connections.
 * - Fails: without it "GOAWAY of … with the SETTINGS" in tests/odd/greetings_test.ts and
 *   tests/odd/breaks_test.ts; after an update it throws where grpc-js has no such methods.
 * - It can go when these tests pass without.
 */
import { status } from "@grpc/grpc-js";
import { RetryingCall } from "@grpc/grpc-js/build/src/retrying-call.js";
import { Http2SubchannelConnector } from "@grpc/grpc-js/build/src/transport.js";
import type { Session } from "../http2/session.ts";
import { privateMethods } from "./private_parts.ts";

/** How many attempts of one call may fail to open a stream before the call fails. */
const MAX_NOT_STARTED = 3;

/** The reason that calls get which wait for such a session. */
const ENDED_AT_ONCE = "the server ended the connection as soon as it was made";

interface Transport {
  readonly disconnectHandled: boolean;
  readonly session: Session;
  shutdown(): void;
}

interface Connector {
  connect(...rest: unknown[]): Promise<Transport>;
}

interface AttemptStatus {
  readonly code: number;
  readonly progress: "NOT_STARTED" | "REFUSED" | "DROP" | "PROCESSED";
}

interface Call {
  /** How many attempts the retry policy has counted, the first one included. */
  readonly attempts: number;
  /** All attempts. */
  readonly underlyingCalls: readonly unknown[];
  handleChildStatus(status: AttemptStatus, index: number): void;
}

const ignore = () => {};

/** Changes grpc-js, for all channels of this process. */
export function leaveDeadSessions(): void {
  const connector = privateMethods<Connector>(Http2SubchannelConnector, ["connect"]);
  const { connect } = connector;
  connector.connect = async function (...args) {
    const transport = await connect.apply(this, args);
    transport.session.on("error", ignore);
    transport.session.on("stream", (pushed) => pushed.on("error", ignore).close());
    if (!transport.disconnectHandled && !transport.session.destroyed) return transport;
    transport.shutdown();
    throw ENDED_AT_ONCE;
  };
  const call = privateMethods<Call>(RetryingCall, ["handleChildStatus"]);
  const { handleChildStatus } = call;
  call.handleChildStatus = function (attempt, index) {
    const isLast = attempt.progress === "NOT_STARTED" &&
      this.underlyingCalls.length - this.attempts >= MAX_NOT_STARTED;
    handleChildStatus.call(
      this,
      // The retry policy counts an attempt with this code and progress.
      isLast ? { ...attempt, code: status.UNAVAILABLE, progress: "PROCESSED" } : attempt,
      index,
    );
  };
}
