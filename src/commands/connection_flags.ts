import { DURATION, parseDuration } from "../cli/duration.ts";
import type { FlagValues } from "../cli/command.ts";
import { parsePort, PORT } from "../cli/port.ts";
import type { Connection } from "../client/channel.ts";
import { parseTarget, TARGET } from "../client/target.ts";

/** The flags of every command that reaches a server; each adds `--timeout` with its own default. */
export const connectionFlags = {
  address: {
    value: "TARGET",
    help: "The server to call",
    expects: TARGET,
    // Read again with the port: a usage error is to name the flag that is wrong.
    parse: (text: string) => parseTarget(text) && text,
    default: "localhost:50051",
    env: "USERSVC_ADDRESS",
  },
  port: {
    value: "PORT",
    help: "The server's port, in place of the address's",
    expects: PORT,
    parse: parsePort,
  },
} as const;

/** The flag of the deadline, without its default. */
export const timeoutFlag = {
  value: "DURATION",
  help: "The deadline: 500ms, 2s, 1m",
  expects: DURATION,
  parse: parseDuration,
} as const;

/**
 * Makes a connection of the flags.
 *
 * @throws {UsageError} if they do not go together
 */
export function connectionOf(
  { address, port }: FlagValues<typeof connectionFlags>,
): Connection {
  return { target: parseTarget(address, port)! };
}
