/** Writes ./usersvc where no executable can be made: a script that runs the bundle with this Deno. */
import { shellWord } from "../src/text/escape.ts";
import { ExitCode } from "../src/cli/exit.ts";
import { loadCommands } from "../src/cli/help.ts";
import { program } from "../src/main.ts";
import { deno } from "./programs.ts";
import { bundleFolder, root } from "./paths.ts";
import { denoByNpx, runFlags } from "./run_flags.ts";

const windows = Deno.build.os === "windows";
const main = `${bundleFolder}/main.js`;
const run: readonly string[] = [...runFlags, main];

/** Filled when it is built, and of use to whoever may write to it. */
const cacheFolder = `${root}dist/cache`;

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

/** With fewer than 22 file descriptors Deno 2.9.2 panics or fails before any code of ours runs. */
const MIN_DESCRIPTORS = 24;

const again = `build it again with: ${denoByNpx} task build`;

/** A line for each way in which a launcher can be of no use. */
const faults = {
  noDeno: `usersvc: cannot run ${Deno.execPath()}, the Deno that built this launcher; ${again}`,
  noBundle: `usersvc: ${main} is gone; ${again}`,
  unreadable: `usersvc: this user cannot read ${main}`,
  descriptors: `usersvc: too few file descriptors: Deno needs ${MIN_DESCRIPTORS} to start; ` +
    "allow more (ulimit -n 1024)",
  unheard: "usersvc: cannot write the output: stdout is closed",
};

/** A shell script. */
async function shellScript(): Promise<string> {
  const refuse = (fault: string) => `{ echo ${shellWord(fault)} >&2; exit 1; }`;
  return `#!/bin/sh
# Made by \`deno task build\`, which could not download the runtime for a standalone executable.
deno=${shellWord(Deno.execPath())}
main=${shellWord(main)}
limit=$(ulimit -n)
[ "$limit" = unlimited ] || [ "$limit" -ge ${MIN_DESCRIPTORS} ] || ${refuse(faults.descriptors)}
[ -x "$deno" ] || ${refuse(faults.noDeno)}
[ -r "$main" ] || { [ -e "$main" ] && ${refuse(faults.unreadable)} || ${refuse(faults.noBundle)}; }
${await refuseOtherThanUtf8()}# Deno opens /dev/null in place of a closed stdout: nothing would be printed, with exit code 0.
{ true 3>&1; } 2>/dev/null || ${refuse(faults.unheard)}
# For the command of serve -- COMMAND.
export USERSVC_GIVEN_DENO_DIR="\${DENO_DIR:-}"
# Without a cache, to compile everything is slower.
if [ -w ${shellWord(cacheFolder)} ]; then
  DENO_DIR=${shellWord(cacheFolder)}
fi
# Deno does not start where it finds no home; nothing can be made below a device.
export DENO_DIR="\${DENO_DIR:-\${XDG_CACHE_HOME:-\${HOME:-/dev/null}/.cache}/deno}"
exec "$deno" ${run.slice(0, -1).map(shellWord).join(" ")} "$main" "$@"
`;
}

/** A batch file. */
function batchFile(): string {
  const word = (text: string) => `"${text.replaceAll("%", "%%")}"`;
  const start = [Deno.execPath(), ...run].map(word).join(" ");
  return `@setlocal\r\n@set ${word(`DENO_DIR=${cacheFolder}`)}\r\n@${start} %*\r\n`;
}

/** Writes the launcher of the bundle in {@linkcode bundleFolder}; returns its path. */
export async function writeLauncher(): Promise<string> {
  await Deno.remove(cacheFolder, { recursive: true }).catch(() => {});
  await Deno.mkdir(cacheFolder, { recursive: true });
  await fillCache();
  const path = `${root}usersvc${windows ? ".cmd" : ""}`;
  // A new file, not new content: a running program keeps the old one.
  await Deno.remove(path).catch(() => {});
  await Deno.writeTextFile(path, windows ? batchFile() : await shellScript(), { mode: 0o755 });
  return path;
}

/** Makes a call, so that the first of the user is as fast as all that follow. */
async function fillCache(): Promise<void> {
  const nobody = ["--address", "127.0.0.1:1", "--timeout", "1s"];
  await deno([...run, "call", "Alice", ...nobody], { DENO_DIR: cacheFolder });
}
