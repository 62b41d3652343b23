import { defineCommand } from "../cli/command.ts";
import { ExitCode } from "../cli/exit.ts";
import { writeAll } from "../cli/output.ts";
import { protoText } from "../contract/contract.ts";

export const command = defineCommand({
  name: "proto",
  summary: "Print the embedded contract, user_service.proto",
  operands: [],
  flags: {},
  examples: [
    {
      command: "usersvc proto > user_service.proto",
      does: "Save it for another tool",
    },
  ],
  run: async () => {
    await writeAll(Deno.stdout, protoText);
    return ExitCode.OK;
  },
});
