/**
 * grpc-js writes the raw bytes of a peer to stderr.
 *
 * - What is wrong: its messages go to stderr by default, with line breaks and control characters that a
 *   peer chose ("Failed to add metadata entry").
 * - Versions: @grpc/grpc-js 1.14.7.
 * - Upstream: https://github.com/grpc/grpc-node/blob/master/TROUBLESHOOTING.md
 * - Measured: nothing.
 * - Fails: without it "what grpc-js logs of an odd header is told when it is asked for, and
 *   escaped" in tests/odd/answers_test.ts.
 * - It can go when grpc-js escapes what it logs.
 */
import { setLogger } from "@grpc/grpc-js";

/**
 * Takes over grpc-js's own messages: by default they go to stderr with the raw bytes that a peer
 * chose, line breaks included. What grpc-js logs is chosen with the environment variables
 * `GRPC_VERBOSITY` and `GRPC_TRACE`; without them, errors only.
 *
 * @param log takes each message, not escaped
 */
export function takeGrpcLog(
  log: (level: "info" | "error", message: string) => void,
): void {
  const logAt = (level: "info" | "error") => (...parts: unknown[]) =>
    log(level, parts.map(String).join(" "));
  setLogger({ error: logAt("error"), info: logAt("info"), debug: logAt("info") });
}

/**
 * Whether the environment asks for messages of grpc-js. Otherwise they are not shown: the status of a
 * call says all that its caller has to know.
 */
export function isGrpcLogWanted(): boolean {
  return ["GRPC_NODE_VERBOSITY", "GRPC_VERBOSITY"].some((name) => Deno.env.get(name));
}
