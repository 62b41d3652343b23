/** h2load: a load generator that needs little CPU time itself. */
import { folder, installOnce, run } from "../../tests/peers.ts";
import { isOnPath } from "./on_path.ts";
import { runTimed } from "./program.ts";

const home = `${folder}h2load`;

/** Installs h2load from Debian's packages, without touching the system. */
const fromDebian = installOnce({
  packages: ["nghttp2-client"],
  stamp: `${home}.installed`,
  executable: `${home}/usr/bin/h2load`,
  async install() {
    await Deno.mkdir(`${home}/lists/partial`, { recursive: true });
    await Deno.mkdir(`${home}/archives/partial`, { recursive: true });
    const apt = (...args: string[]) =>
      run("apt-get", [
        ...["-qq", "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=root"],
        ...["-o", `Dir::State::lists=${home}/lists`, "-o", `Dir::Cache=${home}`],
        ...args,
      ], { missing: "h2load makes the load; install it (the package nghttp2-client or nghttp2)" });
    await apt("update");
    await apt("install", "-y", "--no-install-recommends", "--download-only", "nghttp2-client");
    for await (const { name } of Deno.readDir(`${home}/archives`)) {
      if (name.endsWith(".deb")) await run("dpkg", ["-x", `${home}/archives/${name}`, home]);
    }
    // The lists are many times as large as h2load.
    await Deno.remove(`${home}/lists`, { recursive: true });
  },
});

/**
 * Finds h2load, or installs it.
 *
 * @returns the command that runs it
 * @throws {Error} if it can be neither found nor installed; the message says what to do
 */
export async function h2load(): Promise<[string, ...string[]]> {
  if (await isOnPath("h2load")) return ["h2load"];
  const program = await fromDebian();
  const libraries: string[] = [];
  for await (const { name } of Deno.readDir(`${home}/usr/lib`)) {
    libraries.push(`${home}/usr/lib/${name}`);
  }
  return ["env", `LD_LIBRARY_PATH=${libraries.join(":")}`, program];
}

/** What a command that runs h2load says of its version: `h2load 1.52.0`. */
export async function h2loadVersion(
  [path, ...args]: readonly [string, ...string[]],
): Promise<string> {
  const { stdout } = await runTimed({ path, args: [...args, "--version"] });
  return stdout.trim().replace("nghttp2/", "");
}
