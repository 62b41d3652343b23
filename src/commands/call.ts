import { defineCommand } from "../cli/command.ts";
import { DURATION, parseDuration } from "../cli/duration.ts";
import { ExitCode, exitCodeOfStatus } from "../cli/exit_code.ts";
import { writeAll, writeError } from "../cli/output.ts";
import { parsePort, PORT } from "../cli/port.ts";
import { ADDRESS, formatAddress, parseAddress } from "../client/address.ts";
import { escapeControls } from "../escape.ts";

const DEFAULT_PORT = 50051;

export const command = defineCommand({
  name: "call",
  summary: "Call GetUser and print the greeting",
  details: `A failed call prints one line on stderr and exits with 64 + the gRPC status
code: 67 INVALID_ARGUMENT, 68 DEADLINE_EXCEEDED, 78 UNAVAILABLE.`,
  operands: [{ name: "NAME", help: "the username to greet" }],
  flags: {
    address: {
      value: "HOST:PORT",
      help: "The server to call",
      expects: ADDRESS,
      parse: parseAddress,
      default: "localhost:50051",
      env: "USERSVC_ADDRESS",
    },
    port: {
      value: "PORT",
      help: "The server's port, in place of the address's",
      expects: PORT,
      parse: parsePort,
    },
    timeout: {
      value: "DURATION",
      help: "The deadline: 500ms, 2s, 1m",
      expects: DURATION,
      parse: parseDuration,
      default: "10s",
    },
  },
  examples: [
    { command: "usersvc call Alice", does: "Call the server on this machine" },
    {
      command: 'usersvc call "Иван Петров" --timeout 500ms',
      does: "Wait half a second at most",
    },
    {
      command: "usersvc call Alice --address [::1]:50051",
      does: "Call another address",
    },
    {
      command: "usersvc call -- --help",
      does: "Greet a name that is like a flag",
    },
  ],
  run: async ({ address, port, timeout }, [name]) => {
    const target = formatAddress({
      host: address.host,
      port: port ?? address.port ?? DEFAULT_PORT,
    });
    const { getUser } = await import("../client/get_user.ts");
    let message: string;
    try {
      message = await getUser(target, name!, { timeoutMs: timeout });
    } catch (error) {
      return await fail(error, target, timeout);
    }
    const shown = Deno.stdout.isTerminal() ? escapeControls(message) : message;
    await writeAll(Deno.stdout, `${shown}\n`);
    return ExitCode.OK;
  },
});

async function fail(
  error: unknown,
  target: string,
  timeoutMs: number,
): Promise<number> {
  const { describeFailure, isServiceError } = await import(
    "../client/failure.ts"
  );
  if (!isServiceError(error)) throw error;
  const { code, name, reason } = describeFailure(error, timeoutMs);
  const remedy = name === "UNAVAILABLE"
    ? `; start a server with: usersvc serve --port ${target.slice(target.lastIndexOf(":") + 1)}`
    : "";
  writeError(
    `usersvc call: ${name} from ${target}: ${escapeControls(reason)}${remedy}`,
  );
  return exitCodeOfStatus(code);
}
