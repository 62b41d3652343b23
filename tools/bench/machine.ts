/** Describes the machine on which the figures were measured, without its name. */
import { totalmem } from "node:os";
import config from "../../deno.json" with { type: "json" };

/**
 * Reads what Linux tells of the machine.
 *
 * @param usersvc the path of what `deno task build` has made
 * @param peers the versions of the other programs
 * @returns a sentence with what the figures depend on
 */
export async function describeMachine(usersvc: string, peers: readonly string[]): Promise<string> {
  const cpuInfo = await Deno.readTextFile("/proc/cpuinfo");
  const release = await Deno.readTextFile("/etc/os-release").catch(() => "");
  return [
    // Not every architecture names its model.
    /^model name\s*:\s*(.*)$/m.exec(cpuInfo)?.[1] ?? Deno.build.arch,
    `${navigator.hardwareConcurrency} cores`,
    `${Math.round(totalmem() / 2 ** 30)} GB`,
    /^PRETTY_NAME="?([^"\n]*)/m.exec(release)?.[1] ?? "unknown distribution",
    `Linux ${/^\d+\.\d+/.exec(Deno.osRelease())?.[0] ?? ""}`,
    `usersvc ${config.version} (${await form(usersvc)}) with Deno ${Deno.version.deno}`,
    ...peers,
  ].join(", ");
}

/** Whether it is an executable or a launcher. */
async function form(usersvc: string): Promise<string> {
  using file = await Deno.open(usersvc);
  const start = new Uint8Array(2);
  await file.read(start);
  return new TextDecoder().decode(start) === "#!" ? "from the sources" : "executable";
}
