/**
 * Makes the bundle: the whole program, with its packages, as JavaScript. It is the only thing that is
 * run, compiled or packed: the executable, the launcher, the packages and the image are made from it.
 * `deno bundle` takes esbuild from npm, in the version that belongs to this Deno.
 *
 * A bundle is a folder of modules, and of the licenses of the packages in them, THIRD_PARTY_LICENSES.
 * `main.js` is the program: run it as tools/run_flags.ts says. What a command loads only when it needs
 * it is a file of its own, whose name may change with each build. It reads no file of its own when it
 * runs, and no package's.
 */
import {
  HTTP2,
  http2Exports,
  importBuiltins,
  importLater,
  laterDescriptors,
  namesLost,
  refuseOtherDeno,
  withoutCachePaths,
  withoutHttp,
} from "./bundle_edits.ts";
import { deno } from "./programs.ts";
import { LICENSES, thirdPartyLicenses } from "./licenses.ts";
import { mainModule } from "./paths.ts";

/**
 * Makes a bundle in a folder, in place of what is there.
 *
 * @throws {Error} if it cannot be made; the message says why, and the folder is as it was or gone
 */
export async function makeBundle(folder: string): Promise<void> {
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  const options = ["--code-splitting", "--outdir", folder];
  const { code, stderr } = await deno(["bundle", ...options, mainModule]);
  if (code !== 0) throw new Error(`deno bundle failed:\n${stderr.trimEnd()}`);
  let described = false;
  let written = "";
  for await (const { name } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    const code = await Deno.readTextFile(path);
    written += `${code}\n`;
    const lost = namesLost(code);
    if (lost) throw new Error(`${name}: ${lost}`);
    const later = laterDescriptors(code);
    described ||= later !== undefined;
    await Deno.writeTextFile(path, edit(name, later ?? code));
  }
  await Deno.writeTextFile(`${folder}/${HTTP2}`, http2Exports);
  if (!described) throw new Error("@grpc/proto-loader is not as tools/bundle_edits.ts expects it");
  await Deno.writeTextFile(`${folder}/${LICENSES}`, await thirdPartyLicenses(written));
}

function edit(name: string, code: string): string {
  const edited = withoutHttp(importBuiltins(withoutCachePaths(code)));
  if (name === "main.js") return refuseOtherDeno(importLater(edited));
  // What a single call does not need; serve's modules have to be seen.
  return /^call-\w+\.js$/.test(name) ? importLater(edited) : edited;
}
