/** A command whose words and help hold all that a shell could take for its own. */
import { defineCommand } from "../../src/cli/command.ts";

/** What its flag and its operand suggest. */
export const words = ["$(id)", "`id`", "it's", '"', "a\\b", "[c]:d", "~", "*"];

/** Its help. */
export const help = 'It\'s [odd]: $(id) `id` \\ $HOME "~" *';

export const command = defineCommand({
  name: "odd",
  summary: help,
  operands: [{ name: "WORD", help, suggestions: words }],
  flags: {
    value: { value: "A:B[C]", help, expects: "", parse: (text) => text, suggestions: words },
  },
  examples: [],
  run: () => Promise.resolve(0),
});
