import { setLogger } from "@grpc/grpc-js";
import { escapeControls } from "../cli/escape.ts";

/**
 * Takes over grpc-js's own messages: by default they go to stderr with the raw bytes that a peer
 * chose, line breaks included. What grpc-js logs is chosen with the environment variables
 * `GRPC_VERBOSITY` and `GRPC_TRACE`; without them, errors only.
 *
 * @param log takes each message, not escaped; the default writes it to stderr, one escaped line, if
 * these variables ask for it: what a call ended with says all that its caller has to know
 * @see https://github.com/grpc/grpc-node/blob/master/TROUBLESHOOTING.md
 */
export function escapeGrpcLog(
  log: (level: "info" | "error", message: string) => void = (_, message) => {
    if (isAskedFor()) console.error(escapeControls(`grpc-js: ${message}`));
  },
): void {
  const logAt = (level: "info" | "error") => (...parts: unknown[]) =>
    log(level, parts.map(String).join(" "));
  setLogger({ error: logAt("error"), info: logAt("info"), debug: logAt("info") });
}

function isAskedFor(): boolean {
  return ["GRPC_NODE_VERBOSITY", "GRPC_VERBOSITY"].some((name) => Deno.env.get(name));
}
