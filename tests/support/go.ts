/** The programs of tests/go/, one module of all that the tests need of Go. */
import { root } from "../../tools/paths.ts";
import { folder, run } from "../../tools/peers/install.ts";

const programs = new Map<string, Promise<string>>();

/** Where the module is. */
export const goModule = `${root}tests/go`;

/**
 * Builds a program, which is quick the second time.
 *
 * @param name a folder of tests/go/, or a tool that its go.mod names
 * @param command what of `go` makes it
 * @returns its path
 */
export function goProgram(name: string, command: readonly string[] = ["build"]): Promise<string> {
  const program = programs.get(name) ?? build(name, command);
  programs.set(name, program);
  return program;
}

async function build(name: string, command: readonly string[]): Promise<string> {
  const isOurs = !name.includes(".");
  const program = `${folder}bin/${isOurs ? "tests-" : ""}${name.replaceAll("/", "-")}`;
  const [verb, ...flags] = command;
  const source = isOurs ? `./${name}` : name;
  await run("go", [verb!, "-C", goModule, ...flags, "-o", program, source], {
    missing: `${name} is built with it; install Go 1.26 or later`,
  });
  return program;
}
