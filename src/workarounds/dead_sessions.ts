/**
 * A session that ends before grpc-js has taken it into use is a failed attempt to connect, and a call
 * for which no stream can be opened is tried anew a few times, not for ever.
 *
 * What is wrong, in grpc-js 1.14.7: `Http2SubchannelConnector.createSession` resolves with a new
 * `Http2Transport` at the session's `remoteSettings`, and the subchannel becomes READY, and begins to
 * listen for the transport's end, some microtasks later. A GOAWAY in the same packet as the SETTINGS
 * ends the session in between: the transport reports its end to nobody, once and for all. The
 * subchannel stays READY with it, `session.request` throws for each call, and `RetryingCall` makes a
 * new attempt for each of these failures (progress NOT_STARTED), at once, without a limit, and in the
 * same run of microtasks, so that no timer and no signal is served: the process takes a whole core,
 * its memory grows by 100 MB a second, and neither the deadline nor SIGINT ends it.
 *
 * Deno 2.9.2 shows it with any GOAWAY, since it destroys a session without streams at once; Node 20
 * delivers the end of the session later, and the call gets UNAVAILABLE.
 *
 * Upstream, two small changes would do: `addDisconnectListener` of a transport whose end was reported
 * calls the listener, and `handleChildStatus` counts attempts that were not started.
 *
 * With this file, the same server makes a call UNAVAILABLE, and it is connected to with the back-off
 * of a server that refuses connections. tests/odd/ fails without it ("GOAWAY with the SETTINGS"); it
 * can go once that passes without.
 */
import type { ClientHttp2Session } from "node:http2";
import { status } from "@grpc/grpc-js";
import { RetryingCall } from "@grpc/grpc-js/build/src/retrying-call.js";
import { Http2SubchannelConnector } from "@grpc/grpc-js/build/src/transport.js";
import { privateMethods } from "./private_methods.ts";

/** How many attempts of one call may fail to open a stream before the call fails. */
const MAX_NOT_STARTED = 3;

/** What a call that was not answered by then is told. */
const ENDED_AT_ONCE = "the server ended the connection as soon as it was made";

interface Transport {
  readonly disconnectHandled: boolean;
  readonly session: ClientHttp2Session;
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
  /** Those that the retry policy asked for, the first one included. */
  readonly attempts: number;
  /** All of them. */
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
      // Of that, and with a progress that the retry policy counts.
      isLast ? { ...attempt, code: status.UNAVAILABLE, progress: "PROCESSED" } : attempt,
      index,
    );
  };
}
