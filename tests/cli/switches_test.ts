/** Switches: flags that are there or not, or say which. */
import assert from "node:assert/strict";
import { type Command, type Flags, isCounted, takesValue } from "../../src/cli/command.ts";
import { readCommandLine } from "../../src/cli/command_line.ts";
import { HELP_FLAG, loadCommands } from "../../src/cli/help.ts";
import { program } from "../../src/main.ts";
import { SERVE_TLS } from "../support/certs.ts";
import { programTest, serveTest, usersvc } from "../support/program.ts";

/** A switch of a command. */
interface Switch {
  readonly command: Command;
  /** `--json` or `-h`. */
  readonly spelling: string;
  readonly env: string | undefined;
}

/** Every switch of every command, by each of its spellings. */
async function* switches(): AsyncGenerator<Switch> {
  for (const command of await loadCommands(program)) {
    const flags: Flags = { ...command.flags, help: HELP_FLAG };
    for (const [name, flag] of Object.entries(flags)) {
      if (takesValue(flag) || isCounted(flag)) continue;
      const { env } = flag;
      yield { command, spelling: `--${name}`, env };
      if (flag.short !== undefined) yield { command, spelling: `-${flag.short}`, env };
    }
  }
}

/** Reads a command line of a command that needs a NAME or a SHELL, with the value of one switch. */
async function readSwitch(
  command: Command,
  words: readonly string[],
  environment: Record<string, string> = {},
): Promise<boolean> {
  const operands = command.operands.flatMap(({ afterDashes }) => afterDashes ? [] : "Alice");
  const request = await readCommandLine(
    command,
    [...words, ...operands],
    (name) => environment[name],
  );
  if (request.help) return true;
  const name = Object.keys(command.flags).find((name) =>
    [`--${name}`, `-${command.flags[name]!.short}`].includes(words[0]!.replace(/=.*/, ""))
  );
  return name !== undefined && request.flags[name] as boolean;
}

programTest("a switch takes nothing, =true or =false; anything else names it", async () => {
  let count = 0;
  for await (const { command, spelling } of switches()) {
    const read = (...words: string[]) => readSwitch(command, words);
    const what = `${command.name} ${spelling}`;
    assert.equal(await read(spelling), true, what);
    assert.equal(await read(`${spelling}=true`), true, what);
    assert.equal(await read(`${spelling}=false`), false, what);
    assert.equal(await read(spelling, `${spelling}=false`), false, what);
    assert.equal(await read(`${spelling}=false`, spelling), true, what);
    for (const text of ["no", "yes", "1", "0", "", "TRUE", "true=", " true", "a\nb"]) {
      const shown = text.replace("\n", "\\n");
      await assert.rejects(read(`${spelling}=${text}`), {
        name: "UsageError",
        message: `${spelling} expects no value, =true or =false, not "${shown}"`,
      });
    }
    count++;
  }
  assert.ok(count > 20, `only ${count} switches`);
});

programTest("a switch wins over its environment variable, whatever that holds", async () => {
  let count = 0;
  for await (const { command, spelling, env } of switches()) {
    if (env === undefined) continue;
    const read = (word: string, value: string) => readSwitch(command, [word], { [env]: value });
    assert.equal(await read(`${spelling}=false`, "1"), false, env);
    assert.equal(await read(`${spelling}=false`, "nonsense"), false, env);
    assert.equal(await read(spelling, "0"), true, env);
    count++;
  }
  assert.equal(count, 4);
});

serveTest(
  "--tls-insecure=false verifies the server in spite of USERSVC_TLS_INSECURE",
  async ({ port }) => {
    const call = (...flags: string[]) =>
      usersvc(["call", "Alice", "--tls", "--port", `${port}`, ...flags], {
        env: { USERSVC_TLS_INSECURE: "1" },
      });
    assert.equal((await call()).code, 0);
    const secure = await call("--tls-insecure=false");
    assert.equal(secure.code, 78, secure.stderr);
    assert.match(secure.stderr, /certificate/);
  },
  SERVE_TLS,
);

programTest(
  "a flag that counts is given several times, in one word or with its number",
  async () => {
    const call = (await loadCommands(program)).find(({ name }) => name === "call")!;
    const read = async (...words: string[]) => {
      const request = await readCommandLine(call, [...words, "Alice"], () => undefined);
      assert.ok(!request.help);
      assert.deepEqual(request.operands, ["Alice"]);
      return request.flags.verbose;
    };
    const spelled: readonly (readonly string[])[][] = [
      [[], ["-v=false"], ["--verbose=0"], ["-vv", "--verbose=false"]],
      [["-v"], ["--verbose"], ["-v=true"], ["--verbose=1"], ["-v1"], ["-vvv", "--verbose=1"]],
      [["-vv"], ["-v", "-v"], ["-v", "--verbose"], ["--verbose=2"], ["-v=2"], ["-v=1", "-v"]],
      [["-vvv"], ["-vv", "-v"], ["--verbose=3"], ["-vvvH", "a: 1"], ["--verbose=2", "-v"]],
    ];
    for (const [count, spellings] of spelled.entries()) {
      for (const words of spellings) assert.equal(await read(...words), count, words.join(" "));
    }
    for (const text of ["4", "-1", "01", "yes", "", "1.5"]) {
      await assert.rejects(read(`--verbose=${text}`), {
        name: "UsageError",
        message: "--verbose expects no value, a number from 0 to 3, =true or =false, " +
          `not "${text}"`,
      });
    }
    for (const words of [["-vvvv"], ["-vv", "-vv"], ["--verbose=3", "-v"]]) {
      const message = "--verbose can be given 3 times at most";
      await assert.rejects(read(...words), { name: "UsageError", message });
    }
  },
);

programTest("the flags of the program are switches as well", async () => {
  const version = await usersvc(["--version"]);
  assert.deepEqual(await usersvc(["--version=true"]), version);
  assert.deepEqual(await usersvc(["-V=true"]), version);
  assert.deepEqual(await usersvc(["--help=false", "-V=false", "--version"]), version);
  assert.deepEqual(await usersvc(["-h=true"]), await usersvc(["--help"]));
  assert.deepEqual(await usersvc(["--version=false", "proto"]), await usersvc(["proto"]));
});
