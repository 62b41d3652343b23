import { defineCommand, UsageError } from "../cli/command.ts";
import { ExitCode } from "../cli/exit.ts";
import { writeAll } from "../cli/output.ts";
import { excerpt } from "../text/escape.ts";

/** What has a schema, each loaded when it is asked for. */
const schemas: Readonly<Record<string, () => Promise<object>>> = {
  answers: async () =>
    (await import("../server/faults/answers_json_schema.ts")).answersJsonSchema(),
};

const NAMES = Object.keys(schemas).join(", ");

export const command = defineCommand({
  name: "schema",
  summary: "Print the JSON Schema of what usersvc reads or prints",
  operands: [{
    name: "NAME",
    help: "answers: a file for serve --answers",
    suggestions: Object.keys(schemas),
  }],
  flags: {},
  examples: [
    {
      command: "usersvc schema answers > answers.schema.json",
      does: 'Save it for an editor: a file names it with "$schema"',
    },
  ],
  run: async (_, [name]) => {
    const load = Object.hasOwn(schemas, name!) ? schemas[name!] : undefined;
    if (!load) throw new UsageError(`NAME expects one of ${NAMES}, not "${excerpt(name!)}"`);
    await writeAll(Deno.stdout, `${JSON.stringify(await load(), null, 2)}\n`);
    return ExitCode.OK;
  },
});
