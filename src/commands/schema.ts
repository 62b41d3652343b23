import { defineCommand, UsageError } from "../cli/command.ts";
import { ExitCode } from "../cli/exit.ts";
import { writeAll } from "../cli/output.ts";
import { excerpt } from "../text/escape.ts";

/** What has a schema, each loaded when it is asked for. */
const schemas: Readonly<Record<string, () => Promise<object>>> = {
  answers: async () =>
    (await import("../server/faults/answers_json_schema.ts")).answersJsonSchema(),
  call: async () => (await import("../batch/json_schemas.ts")).resultSchema,
  summary: async () => (await import("../batch/json_schemas.ts")).summarySchema,
  log: async () => (await import("../telemetry/record_schema.ts")).recordSchema,
};

const NAMES = Object.keys(schemas).join(", ");

export const command = defineCommand({
  name: "schema",
  summary: "Print the JSON Schema of what usersvc reads or prints",
  details: `answers: a file for serve --answers
call: a line of call --json
summary: what call --summary json prints
log: a line of serve --log json, or of GET /calls`,
  operands: [{
    name: "NAME",
    help: `What to describe: ${NAMES}`,
    suggestions: Object.keys(schemas),
  }],
  flags: {},
  examples: [
    {
      command: "usersvc schema answers > answers.schema.json",
      does: 'Save it for an editor: a file names it with "$schema"',
    },
    { command: "usersvc schema log", does: "What a program can read of the log" },
  ],
  run: async (_, [name]) => {
    const load = Object.hasOwn(schemas, name!) ? schemas[name!] : undefined;
    if (!load) throw new UsageError(`NAME expects one of ${NAMES}, not "${excerpt(name!)}"`);
    await writeAll(Deno.stdout, `${JSON.stringify(await load(), null, 2)}\n`);
    return ExitCode.OK;
  },
});
