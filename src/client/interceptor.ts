import { Buffer } from "node:buffer";
import {
  InterceptingCall,
  type Interceptor,
  type Metadata,
  status as statusCode,
} from "@grpc/grpc-js";
import type { Connection } from "./channel.ts";
import { explained, isUnexplained } from "./failure.ts";

/** How long to look for the reason of a failure, in milliseconds: before the deadline, after it. */
const IN_TIME_MS = 1_000, LATE_MS = 500;

/**
 * Does to each call of a client what its connection asks for: adds the metadata, has it wait for the
 * server, and finds out why no connection came about where grpc-js does not say.
 */
export function callInterceptor(connection: Connection): Interceptor {
  return (options, nextCall) =>
    new InterceptingCall(nextCall(options), {
      start(metadata, _, next) {
        addHeaders(metadata, connection);
        if (connection.wait) metadata.setOptions({ ...metadata.getOptions(), waitForReady: true });
        next(metadata, {
          onReceiveStatus(status, pass) {
            if (!isUnexplained(status)) return pass(status);
            void reasonOf(connection, status.code).then((why) =>
              pass(why === undefined ? status : explained(status, why))
            );
          },
        });
      },
    });
}

function addHeaders(metadata: Metadata, { headers }: Connection): void {
  for (const { name, value } of headers) {
    metadata.add(name, typeof value === "string" ? value : Buffer.from(value));
  }
}

async function reasonOf(connection: Connection, code: number): Promise<string | undefined> {
  const { explainConnection } = await import("./explain.ts");
  const isLate = code === statusCode.DEADLINE_EXCEEDED;
  return await explainConnection(connection, isLate ? LATE_MS : IN_TIME_MS);
}
