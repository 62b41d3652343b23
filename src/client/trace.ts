import {
  type Channel,
  connectivityState,
  InterceptingCall,
  type Interceptor,
  type Metadata,
} from "@grpc/grpc-js";
import { statusName } from "../contract/status_codes.ts";
import { HIDDEN, isSecret } from "../wire/secrets.ts";
import { entriesOf, peerOf } from "./answer_context.ts";

/** What traces the calls of a client, and when its channel connects. */
interface Tracer {
  readonly interceptor: Interceptor;
  watch(channel: Channel): void;
}

/**
 * Makes what traces a channel and, at the end of each call, its metadata, the peer, the metadata of
 * the response, its status and how long it took.
 *
 * @param print takes the lines, not escaped; those of one call come together
 * @param secrets whether the values of {@linkcode isSecret} are shown
 */
export function traceTo(print: (line: string) => void, secrets: boolean): Tracer {
  return {
    interceptor: callTracer(print, secrets),
    watch: (channel) => traceChannel(channel, print),
  };
}

function traceChannel(channel: Channel, print: (line: string) => void): void {
  print(`* target ${channel.getTarget()}`);
  let start = performance.now();
  const watch = (before: connectivityState) =>
    channel.watchConnectivityState(before, Infinity, () => {
      const state = channel.getConnectivityState(false);
      if (state === connectivityState.SHUTDOWN) return;
      if (state === connectivityState.CONNECTING) start = performance.now();
      if (state === connectivityState.READY) print(`* connected after ${msSince(start)} ms`);
      if (state === connectivityState.TRANSIENT_FAILURE) print("* no connection, trying again");
      watch(state);
    });
  watch(connectivityState.IDLE);
}

function callTracer(print: (line: string) => void, secrets: boolean): Interceptor {
  const entries = (what: string, metadata: Metadata) =>
    Object.entries(entriesOf(metadata)).flatMap(([name, values]) =>
      values.map((value) => `${what} ${name}: ${secrets || !isSecret(name) ? value : HIDDEN}`)
    );
  return (options, nextCall) => {
    const call = nextCall(options);
    const start = performance.now();
    const lines = [`> ${options.method_definition.path}`];
    return new InterceptingCall(call, {
      start(metadata, _, next) {
        lines.push(...entries("> header", metadata));
        next(metadata, {
          onReceiveMetadata(received, pass) {
            lines.push(...entries("< header", received));
            pass(received);
          },
          onReceiveStatus(received, pass) {
            lines.push(...entries("< trailer", received.metadata));
            const peer = peerOf(call);
            if (peer !== undefined) lines.push(`< peer ${peer}`);
            lines.push(`< ${statusName(received.code)} after ${msSince(start)} ms`);
            for (const line of lines) print(line);
            pass(received);
          },
        });
      },
    });
  };
}

function msSince(start: number): string {
  return (performance.now() - start).toFixed(1);
}
