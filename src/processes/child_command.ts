/** The command of `serve -- COMMAND`: it runs while the server serves, and ends it. */
import { ExitCode, exitCodeOfSignal, type StopSignals } from "../cli/exit.ts";
import { protoFile, protoText } from "../contract/contract.ts";
import { type Endpoint, formatEndpoint } from "../contract/endpoint.ts";
import type { Notice } from "../contract/events.ts";
import { messageOf, programFault } from "../text/errors.ts";
import type { StopRequests } from "./lifecycle.ts";

/** A command that runs while a server serves; its end asks the server to stop. */
export interface ChildCommand extends StopRequests {
  /**
   * Starts it, unless a signal has come before: the server is to stop then, and it never runs. What
   * keeps it from starting is reported, and asks the server to stop.
   *
   * @param endpoints where the server accepts calls; its environment says so
   */
  start(endpoints: readonly Endpoint[], report: (notice: Notice) => void): void;
  /** The exit code for this program, once the server has drained. */
  exitCode(): number;
}

/**
 * Prepares a command. From now on the signals that would stop the server are its own, until it has
 * ended.
 *
 * @param words the program and its arguments
 */
export function openChildCommand(words: readonly string[], signals: StopSignals): ChildCommand {
  const over = Promise.withResolvers<string>();
  const signalAfter = Promise.withResolvers<Deno.Signal>();
  let child: Deno.ChildProcess | undefined;
  let exitCode: number | undefined;
  const end = (code: number, why: string) => {
    exitCode = code;
    over.resolve(why);
  };
  void forEach(signals, (signal) => {
    if (exitCode !== undefined) return signalAfter.resolve(signal);
    if (child === undefined) return end(exitCodeOfSignal(signal), signal);
    if (!comesFromTerminal(signal)) passOn(child, signal);
  });
  return {
    first: over.promise,
    second: signalAfter.promise,
    exitCode: () => exitCode ?? ExitCode.FAILURE,
    start(endpoints, report) {
      if (exitCode !== undefined) return;
      let folder: string | undefined;
      try {
        folder = makeContractFolder();
        child = spawn(words, { ...addressOf(endpoints), USERSVC_PROTO: `${folder}/${protoFile}` });
      } catch (error) {
        const [code, message] = folder === undefined
          ? [ExitCode.FAILURE, folderFault(error)]
          : programFault(words[0]!, error);
        remove(folder);
        report({ level: "error", event: "command_failed", message });
        return end(code, "the command cannot run");
      }
      void child.status.then(({ code, signal }) => {
        remove(folder);
        end(code, `the command has ended (${signal ?? `exit code ${code}`})`);
      });
    },
  };
}

async function forEach(signals: StopSignals, take: (signal: Deno.Signal) => void): Promise<never> {
  for (;;) take(await signals.next());
}

/**
 * Whether the command has received a signal already: a terminal sends it to all its programs, and so
 * does the console of Windows, where no signal can be passed on.
 */
function comesFromTerminal(signal: Deno.Signal): boolean {
  if (Deno.build.os === "windows") return true;
  return (signal === "SIGINT" || signal === "SIGQUIT") && Deno.stdin.isTerminal();
}

function passOn(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // It has just ended.
  }
}

/** The whole environment of this process is the command's too, whatever this process may read of it. */
function spawn([program, ...args]: readonly string[], env: Record<string, string>) {
  const stdio = { stdin: "inherit", stdout: "inherit", stderr: "inherit" } as const;
  const command = new Deno.Command(program!, { args, env, ...stdio });
  return withGivenDenoDir(() => command.spawn());
}

/**
 * The variable in which the launcher and the packages hand on the DENO_DIR that they were given, empty
 * for none: they choose another one for usersvc, in which a command that uses Deno would find nothing.
 */
const GIVEN_DENO_DIR = "USERSVC_GIVEN_DENO_DIR";

/** Runs a function while this process has the DENO_DIR that it was to have. */
function withGivenDenoDir<T>(run: () => T): T {
  const given = Deno.env.get(GIVEN_DENO_DIR);
  const own = Deno.env.get("DENO_DIR");
  if (given === undefined) return run();
  Deno.env.delete(GIVEN_DENO_DIR);
  setDenoDir(given);
  try {
    return run();
  } finally {
    // Workers need it, those to come as well.
    setDenoDir(own);
  }
}

function setDenoDir(folder: string | undefined): void {
  if (folder) Deno.env.set("DENO_DIR", folder);
  else Deno.env.delete("DENO_DIR");
}

/** Where a program on this machine reaches the server, as environment variables. */
function addressOf(endpoints: readonly Endpoint[]): Record<string, string> {
  const tcp = endpoints.find((endpoint) => "port" in endpoint);
  if (tcp === undefined) return { USERSVC_ADDRESS: formatEndpoint(endpoints[0]!) };
  // All zeros are every address of the machine: `::`, `0.0.0.0`.
  const host = /^[0:.]+$/.test(tcp.host) ? "127.0.0.1" : tcp.host;
  return { USERSVC_ADDRESS: formatEndpoint({ ...tcp, host }), USERSVC_PORT: `${tcp.port}` };
}

/** Writes the contract into a folder of its own, for the command. */
function makeContractFolder(): string {
  const folder = Deno.makeTempDirSync({ prefix: "usersvc-" });
  Deno.writeTextFileSync(`${folder}/${protoFile}`, protoText);
  return folder;
}

function folderFault(error: unknown): string {
  return `cannot write ${protoFile} for the command: ${messageOf(error)}; set TMPDIR to a folder ` +
    "that can be written";
}

function remove(folder: string | undefined): void {
  try {
    if (folder !== undefined) Deno.removeSync(folder, { recursive: true });
  } catch {
    // The command may have removed it.
  }
}
