import type { Server, ServerInterceptingCall, ServerInterceptor, status } from "@grpc/grpc-js";
import type { ServerHttp2Stream } from "node:http2";

/** The calls that a server has begun, from their headers to the close of their stream. */
export interface OpenCalls {
  /** Tells of the calls that stream; costs the others nothing. */
  readonly interceptor: ServerInterceptor;
  /** How many calls are open now. */
  count(server: Server): number;
  /** Ends those that would last as long as their client likes: watches and reflection. */
  endStreaming(code: status, details: string): void;
}

/** Starts to watch the calls that stream. */
export function openCalls(): OpenCalls {
  const streaming = new Set<Parameters<ServerInterceptor>[1]>();
  return {
    interceptor: (method, call) => {
      if (method.responseStream) {
        streaming.add(call);
        // grpc-js keeps the stream private, but no other part of a call knows when it has closed.
        const { stream } = call as unknown as { stream: ServerHttp2Stream };
        stream.once("close", () => streaming.delete(call));
      }
      // An interceptor may hand on the call itself, which is cheaper than a wrapper around it.
      return call as ServerInterceptingCall;
    },
    count: (server) =>
      sessionLoads(server).reduce((sum, { activeStreams }) => sum + activeStreams, 0),
    endStreaming: (code, details) => {
      for (const call of streaming) {
        streaming.delete(call);
        call.sendStatus({ code, details, metadata: null });
      }
    },
  };
}

/** What grpc-js counts of each session, in order to close those that are idle; private to it. */
function sessionLoads(server: object): { activeStreams: number }[] {
  const loads = "sessionIdleTimeouts" in server ? server.sessionIdleTimeouts : undefined;
  if (loads instanceof Map) return [...loads.values()];
  throw new Error("this grpc-js counts its calls elsewhere: check src/server/open_calls.ts");
}
