import { setLogger } from "@grpc/grpc-js";
import { escapeControls } from "./escape.ts";

/**
 * Sends grpc-js's own messages to stderr, one escaped line each. By default grpc-js prints raw
 * bytes that the peer chose, line breaks included. What it logs is chosen with the environment
 * variables `GRPC_VERBOSITY` and `GRPC_TRACE`; without them, errors only.
 *
 * @see https://github.com/grpc/grpc-node/blob/master/TROUBLESHOOTING.md
 */
export function escapeGrpcLog(): void {
  const line = (...parts: unknown[]) => console.error(escapeControls(parts.map(String).join(" ")));
  setLogger({ error: line, info: line, debug: line });
}
