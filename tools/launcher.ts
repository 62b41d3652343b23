/** Writes ./usersvc where no executable can be made: a script that runs the program with this Deno. */
import { shellWord } from "../src/cli/escape.ts";
import { ExitCode } from "../src/cli/exit.ts";
import { loadCommands } from "../src/cli/help.ts";
import { program } from "../src/main.ts";
import { bundle } from "./bundle.ts";
import { deno } from "./deno.ts";
import { mainModule, root } from "./paths.ts";
import { permissionFlags, sourcePermissionFlags } from "./permissions.ts";

const windows = Deno.build.os === "windows";
const bundled = `${root}dist`;

/** `serve` runs from the sources: its packages read files, and its workers are its like. */
const fromSources: readonly string[] = [
  ...["run", "--quiet", "--config", `${root}deno.json`],
  ...sourcePermissionFlags,
  mainModule,
];

/** Everything else runs from the bundle, without the permission to run programs. */
const fromBundle: readonly string[] = [
  ...["run", "--quiet", "--no-config"],
  ...permissionFlags.filter((flag) => flag !== "--allow-run"),
  `${bundled}/main.js`,
];

/**
 * Functions are compiled before they are called: then V8's code cache holds them, and only the
 * first start compiles any. Cached code is of no use to a Deno with other flags, so the bundle has
 * a cache of its own. The young objects of a whole call fit into 8 MB, so none are collected.
 */
const cached = {
  DENO_DIR: `${bundled}/cache`,
  DENO_V8_FLAGS: "--no-lazy,--min-semi-space-size=8",
};

const gone = "usersvc: this launcher needs the Deno and the checkout it was built from; " +
  "build it again with: npx -y deno@2.9.2 task build";

/**
 * The usage error of an argument that is not UTF-8, in the words and with the exit code that the
 * command would have. Deno ends with a trace of its own before it runs anything
 * (https://github.com/denoland/deno/issues/22831), and so does an executable; no code of ours can
 * help there. Plain ASCII, which most command lines are, needs no program to look at it.
 */
async function refuseOtherThanUtf8(): Promise<string> {
  const cases = (await loadCommands(program)).map(({ name, usageExitCode = ExitCode.USAGE }) =>
    `      ${name}) command=' ${name}' code=${usageExitCode} ;;\n`
  );
  return `case "$*" in
  *[!\\ -~]*)
    command='' code=${ExitCode.USAGE}
    case "$1" in
${cases.join("")}    esac
    if command -v iconv > /dev/null &&
      ! printf %s "$*" | iconv -f UTF-8 -t UTF-8 > /dev/null 2>&1; then
      echo "usersvc$command: an argument is not UTF-8; see usersvc$command --help" >&2
      exit "$code"
    fi
    ;;
esac
`;
}

const unheard = "usersvc: cannot write the output: stdout is closed";

/** A shell script. */
async function shellScript(): Promise<string> {
  const quoteAll = (words: readonly string[]) => words.map(shellWord).join(" ");
  return `#!/bin/sh
# Made by \`deno task build\`, which could not download the runtime for a standalone executable.
deno=${shellWord(Deno.execPath())}
if [ ! -x "$deno" ] || [ ! -f ${shellWord(mainModule)} ] || [ ! -f ${
    shellWord(`${bundled}/main.js`)
  } ]; then
  echo ${shellWord(gone)} >&2
  exit 1
fi
${await refuseOtherThanUtf8()}if [ "$1" = serve ]; then
  exec "$deno" ${quoteAll(fromSources)} "$@"
fi
# Deno opens /dev/null in place of a closed stdout: nothing would be printed, with exit code 0.
if ! { true 3>&1; } 2>/dev/null; then
  echo ${shellWord(unheard)} >&2
  exit 1
fi
# Without a cache, to compile everything would be slower.
if [ -w ${shellWord(cached.DENO_DIR)} ]; then
  export DENO_DIR=${shellWord(cached.DENO_DIR)} DENO_V8_FLAGS=${shellWord(cached.DENO_V8_FLAGS)}
fi
exec "$deno" ${quoteAll(fromBundle)} "$@"
`;
}

/** A batch file, which runs the sources whatever the command. */
function batchFile(): string {
  return `@"${Deno.execPath()}" ${fromSources.map((arg) => `"${arg}"`).join(" ")} %*\r\n`;
}

/**
 * Writes the launcher, and the bundle that it runs.
 *
 * @param folder for files on their way, on the same disk as the checkout
 * @returns its path; or what went wrong
 */
export async function writeLauncher(
  folder: string,
): Promise<{ path: string } | { fault: string }> {
  if (!windows) {
    const fault = await bundle(`${folder}/dist`);
    if (fault !== undefined) return { fault };
    await Deno.remove(bundled, { recursive: true }).catch(() => {});
    await Deno.rename(`${folder}/dist`, bundled);
    await fillCache();
  }
  const path = `${root}usersvc${windows ? ".cmd" : ""}`;
  // A new file, not new content: a running program keeps the old one.
  await Deno.remove(path).catch(() => {});
  await Deno.writeTextFile(path, windows ? batchFile() : await shellScript(), { mode: 0o755 });
  return { path };
}

/** Makes a call, so that the first of the user is as fast as all that follow. */
async function fillCache(): Promise<void> {
  const nobody = ["--address", "127.0.0.1:1", "--timeout", "1s"];
  await deno([...fromBundle, "call", "Alice", ...nobody], cached);
}
