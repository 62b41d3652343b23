import type { ServerInterceptingCall, ServerInterceptor, status } from "@grpc/grpc-js";
import type { ServerHttp2Stream } from "node:http2";

/** The calls that a server has begun, from their headers to the close of their stream. */
export interface OpenCalls {
  /** Tells the server to count. */
  readonly interceptor: ServerInterceptor;
  /** How many there are now. */
  count(): number;
  /** Ends those that would last as long as their client likes: watches and reflection. */
  endStreaming(code: status, details: string): void;
}

/** Starts counting. Costs a call one listener; grpc-js itself tells nobody what it waits for. */
export function openCalls(): OpenCalls {
  let count = 0;
  const streaming = new Set<Parameters<ServerInterceptor>[1]>();
  return {
    interceptor: (method, call) => {
      count++;
      if (method.responseStream) streaming.add(call);
      // grpc-js keeps the stream private, but no other part of a call knows when it has closed.
      const { stream } = call as unknown as { stream: ServerHttp2Stream };
      stream.once("close", () => {
        count--;
        streaming.delete(call);
      });
      // An interceptor may hand on the call itself, which is cheaper than a wrapper around it.
      return call as ServerInterceptingCall;
    },
    count: () => count,
    endStreaming: (code, details) =>
      streaming.forEach((call) => call.sendStatus({ code, details, metadata: null })),
  };
}
