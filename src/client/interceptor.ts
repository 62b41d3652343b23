import { Buffer } from "node:buffer";
import { type CallOptions, InterceptingCall, type Interceptor, type Metadata } from "@grpc/grpc-js";
import type { ConnectionOptions } from "./connection_options.ts";
import { diagnose } from "./diagnosis.ts";

/** The options of a call; grpc-js hands those that it does not know on to interceptors. */
export interface AnswerOptions extends CallOptions {
  /** When the caller gives up a call without a deadline, in milliseconds since the epoch. */
  readonly answerBy?: number;
}

/**
 * Applies a connection's options to each call of a client: adds the metadata, makes it wait for the
 * server, and finds out why there was no connection where grpc-js does not say.
 *
 * @param isConnected whether the client's channel has a connection
 */
export function callInterceptor(
  connection: ConnectionOptions,
  isConnected: () => boolean,
): Interceptor {
  const diagnosis = diagnose(connection, isConnected);
  return (options, nextCall) => {
    const deadline = deadlineOf(options);
    return new InterceptingCall(nextCall(options), {
      start(metadata, _, next) {
        addHeaders(metadata, connection);
        if (connection.wait) metadata.setOptions({ ...metadata.getOptions(), waitForReady: true });
        diagnosis.callStarted(deadline);
        next(metadata, {
          onReceiveStatus: (status, pass) => diagnosis.callEnded(status, deadline, pass),
        });
      },
    });
  };
}

function deadlineOf({ deadline, answerBy = Infinity }: AnswerOptions): number {
  return deadline === undefined ? answerBy : Number(deadline);
}

function addHeaders(metadata: Metadata, { headers }: ConnectionOptions): void {
  for (const { name, value } of headers) {
    metadata.add(name, typeof value === "string" ? value : Buffer.from(value));
  }
}
