/** Runs usersvc in this process, and prints on stderr whether it may start programs before and after. */
import { runProgram } from "../../src/cli/program.ts";
import { program } from "../../src/main.ts";

const { state: before } = Deno.permissions.querySync({ name: "run" });
await runProgram(program, Deno.args);
const { state: after } = Deno.permissions.querySync({ name: "run" });
console.error(`${before}, then ${after}`);
Deno.exit();
