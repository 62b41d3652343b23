import { defineCommand } from "../cli/command.ts";
import { ExitCode, exitCodeOfStatus } from "../cli/exit_code.ts";
import { writeAll, writeError } from "../cli/output.ts";
import type { Target } from "../client/target.ts";
import { escapeControls } from "../escape.ts";
import { connectionFlags, connectionOf, timeoutFlag } from "./connection_flags.ts";

export const command = defineCommand({
  name: "call",
  summary: "Call GetUser and print the greeting",
  details: `A failed call prints one line on stderr and exits with 64 + the gRPC status
code: 67 INVALID_ARGUMENT, 68 DEADLINE_EXCEEDED, 78 UNAVAILABLE.`,
  operands: [{ name: "NAME", help: "the username to greet" }],
  flags: {
    ...connectionFlags,
    timeout: { ...timeoutFlag, default: "10s" },
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
  run: async ({ timeout, ...flags }, [name]) => {
    const connection = connectionOf(flags);
    const { openUserClient } = await import("../client/user_client.ts");
    const client = await openUserClient(connection);
    let message: string;
    try {
      message = await client.getUser(name!, { timeoutMs: timeout });
    } catch (error) {
      return await fail(error, connection.target, timeout);
    } finally {
      client.close();
    }
    const shown = Deno.stdout.isTerminal() ? escapeControls(message) : message;
    await writeAll(Deno.stdout, `${shown}\n`);
    return ExitCode.OK;
  },
});

async function fail(error: unknown, target: Target, timeoutMs: number): Promise<number> {
  const { describeFailure, isServiceError } = await import("../client/failure.ts");
  if (!isServiceError(error)) throw error;
  const { code, name, reason, absent } = describeFailure(error, timeoutMs);
  const remedy = absent ? `; start a server with: usersvc serve ${listening(target)}` : "";
  writeError(`usersvc call: ${name} from ${escapeControls(`${target.name}: ${reason}${remedy}`)}`);
  return exitCodeOfStatus(code);
}

function listening({ endpoint }: Target): string {
  return "path" in endpoint ? `--unix ${endpoint.path}` : `--port ${endpoint.port}`;
}
