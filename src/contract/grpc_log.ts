import { setLogger } from "@grpc/grpc-js";
import { excerpt } from "../text/escape.ts";

/** What grpc-js logs of metadata that it drops, with a link to an issue of its own. */
const DROPPED = /^Failed to add metadata entry ([^:]*): /;

/**
 * Takes over grpc-js's own messages: by default they go to stderr with the raw bytes that a peer
 * chose, line breaks included. What grpc-js logs is chosen with the environment variables
 * `GRPC_VERBOSITY` and `GRPC_TRACE`; without them, errors only.
 *
 * @param log takes each message, not escaped
 */
export function takeGrpcLog(log: (level: "info" | "error", message: string) => void): void {
  const logAt = (level: "info" | "error") => (...parts: unknown[]) =>
    log(level, inPlainWords(parts.map(String).join(" ")));
  setLogger({ error: logAt("error"), info: logAt("info"), debug: logAt("info") });
}

function inPlainWords(message: string): string {
  const [, name] = DROPPED.exec(message) ?? [];
  if (name === undefined) return message;
  return `values of the metadata "${
    excerpt(name)
  }" are dropped: gRPC allows a-z, 0-9, "_", "-" and ` +
    '"." in names, and printable ASCII in values';
}
