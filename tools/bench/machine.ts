/** Describes the machine on which the figures were measured, without its name. */
import { totalmem } from "node:os";
import config from "../../deno.json" with { type: "json" };

/** What the figures depend on. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly os: string;
  /** The programs that take part. */
  readonly versions: readonly string[];
}

/**
 * Reads what Linux tells of the machine.
 *
 * @param usersvc the path of what `deno task build` has made
 * @param peers the versions of the other programs
 */
export async function describeMachine(
  usersvc: string,
  peers: readonly string[],
): Promise<Machine> {
  const cpuInfo = await Deno.readTextFile("/proc/cpuinfo");
  const release = await Deno.readTextFile("/etc/os-release").catch(() => "");
  const system = /^PRETTY_NAME="?([^"\n]*)/m.exec(release)?.[1] ?? "unknown distribution";
  return {
    // Not every architecture names its model.
    cpu: /^model name\s*:\s*(.*)$/m.exec(cpuInfo)?.[1] ?? Deno.build.arch,
    cores: navigator.hardwareConcurrency,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    os: `${system}, Linux ${/^\d+\.\d+/.exec(Deno.osRelease())?.[0] ?? ""}`,
    versions: [
      `usersvc ${config.version} (${await form(usersvc)}) with Deno ${Deno.version.deno}`,
      ...peers,
    ],
  };
}

/** Whether it is an executable or a launcher. */
async function form(usersvc: string): Promise<string> {
  using file = await Deno.open(usersvc);
  const start = new Uint8Array(2);
  await file.read(start);
  return new TextDecoder().decode(start) === "#!" ? "from the sources" : "executable";
}
