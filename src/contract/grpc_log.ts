import { setLogger } from "@grpc/grpc-js";

/**
 * Takes over grpc-js's own messages: by default they go to stderr with the raw bytes that a peer
 * chose, line breaks included. What grpc-js logs is chosen with the environment variables
 * `GRPC_VERBOSITY` and `GRPC_TRACE`; without them, errors only.
 *
 * @param log takes each message, not escaped
 */
export function takeGrpcLog(log: (level: "info" | "error", message: string) => void): void {
  const logAt = (level: "info" | "error") => (...parts: unknown[]) =>
    log(level, parts.map(String).join(" "));
  setLogger({ error: logAt("error"), info: logAt("info"), debug: logAt("info") });
}
