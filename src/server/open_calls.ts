import type { Server, ServerInterceptingCall, ServerInterceptor, status } from "@grpc/grpc-js";
import { openCallCount, streamOf } from "../workarounds/private_parts.ts";

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
        streamOf(call).once("close", () => streaming.delete(call));
      }
      // An interceptor may hand on the call itself, which is cheaper than a wrapper around it.
      return call as ServerInterceptingCall;
    },
    count: openCallCount,
    endStreaming: (code, details) => {
      for (const call of streaming) {
        streaming.delete(call);
        call.sendStatus({ code, details, metadata: null });
      }
    },
  };
}
