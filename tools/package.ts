/**
 * Makes the packages of the bundle for npm and PyPI: dist/npm/usersvc-VERSION.tgz and
 * dist/pypi/usersvc-VERSION-py3-none-any.whl. Both depend on the Deno that makes them, in exactly
 * its version, from their own registry. Needs npm, python3 and PyPI.
 */
import { cp } from "node:fs/promises";
import config from "../deno.json" with { type: "json" };
import { ExitCode } from "../src/cli/exit.ts";
import { loadCommands } from "../src/cli/help.ts";
import { program } from "../src/main.ts";
import { makeBundle } from "./bundle.ts";
import { LICENSES } from "./licenses.ts";
import { root } from "./paths.ts";
import { pythonPeer, run } from "./peers/install.ts";
import { runFlags } from "./run_flags.ts";
import { usesStandIn } from "./setup.ts";

const hatchling = pythonPeer("hatchling", ["hatchling==1.33.0"], "hatchling");

/** The Deno that the packages depend on. */
const deno = Deno.version.deno;

/** Where the sources are: npm compares it with where a release was built. */
function source(): string {
  return `https://github.com/${Deno.env.get("GITHUB_REPOSITORY") ?? "OWNER/usersvc"}`;
}

/** The package.json of the package for npm. */
function npmManifest(): string {
  const { name, version, license, description } = config;
  const manifest = {
    ...{ name, version, license, description },
    repository: { type: "git", url: `git+${source()}.git` },
    // What Deno runs are modules; what Node runs is CommonJS, which both kinds of modules import.
    type: "module",
    bin: { usersvc: "usersvc.cjs" },
    exports: {
      ".": { types: "./serve.d.cts", default: "./serve.cjs" },
      "./package.json": "./package.json",
    },
    files: ["*.cjs", "*.cts", "run.json", "bundle", "proto", LICENSES],
    engines: { node: ">=18" },
    dependencies: { deno },
  };
  return JSON.stringify(manifest, null, 2) + "\n";
}

/**
 * The pyproject.toml of the package for PyPI.
 *
 * @param template with names in braces
 * @throws {Error} if a name is not known
 */
function pyproject(template: string): string {
  const { name, version, license, description } = config;
  const values: Record<string, string> = {
    ...{ name, version, license, description, deno },
    source: source(),
  };
  return template.replace(/\{(\w+)\}/g, (_, key: string) => {
    const value = values[key];
    if (value === undefined) throw new Error(`pyproject.toml: {${key}} is not known`);
    return JSON.stringify(value).slice(1, -1);
  });
}

/** The module _run.py of the package for PyPI. */
async function pythonConstants(): Promise<string> {
  const codes = (await loadCommands(program))
    .map(({ name, usageExitCode = ExitCode.USAGE }) => [name, usageExitCode] as const);
  return `"""Written by \`deno task package\`."""

from typing import Final

DENO_VERSION: Final = ${JSON.stringify(deno)}
FLAGS: Final = ${JSON.stringify(runFlags)}
USAGE_EXIT_CODES: Final = ${JSON.stringify(Object.fromEntries(codes))}
`;
}

/** Where a package is put together, outside the checkout: hatchling obeys its .gitignore. */
async function stage(name: "npm" | "pypi", folder: string, home: string): Promise<void> {
  const files = `${folder}/${name}`;
  await cp(`${root}tools/packages/${name}`, files, {
    recursive: true,
    filter: (path) => !path.includes("__pycache__"),
  });
  await cp(`${folder}/bundle`, `${files}/${home}bundle`, { recursive: true });
  await Deno.mkdir(`${files}/${home}proto`);
  const contract = "proto/user_service.proto";
  await Deno.copyFile(`${root}${contract}`, `${files}/${home}${contract}`);
  await Deno.copyFile(`${root}LICENSE`, `${files}/LICENSE`);
  await Deno.rename(`${files}/${home}bundle/${LICENSES}`, `${files}/${LICENSES}`);
}

async function packForNpm(files: string): Promise<string> {
  await Deno.writeTextFile(`${files}/package.json`, npmManifest());
  await Deno.writeTextFile(
    `${files}/run.json`,
    JSON.stringify({ deno, flags: runFlags }) + "\n",
  );
  await Deno.chmod(`${files}/usersvc.cjs`, 0o755).catch(() => {});
  const folder = `${root}dist/npm`;
  await empty(folder);
  const npm = Deno.build.os === "windows" ? "npm.cmd" : "npm";
  await run(npm, ["pack", files, "--pack-destination", folder, "--ignore-scripts"], {
    missing: "the package is packed with it; install Node",
  });
  return `${folder}/${config.name}-${config.version}.tgz`;
}

async function packForPypi(files: string): Promise<string> {
  const template = await Deno.readTextFile(`${files}/pyproject.toml`);
  await Deno.writeTextFile(`${files}/pyproject.toml`, pyproject(template));
  await Deno.writeTextFile(`${files}/src/usersvc/_run.py`, await pythonConstants());
  const folder = `${root}dist/pypi`;
  await empty(folder);
  const python = (await hatchling()).replace(/hatchling(\.exe)?$/, "python$1");
  await run(python, ["-c", BUILD, files, folder]);
  return `${folder}/${config.name}-${config.version}-py3-none-any.whl`;
}

/** What `pip wheel` calls, without an environment that is installed anew for each build. */
const BUILD = "import os, sys; from hatchling import build; os.chdir(sys.argv[1]); " +
  "build.build_wheel(sys.argv[2])";

async function empty(folder: string): Promise<void> {
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await Deno.mkdir(folder, { recursive: true });
}

/**
 * Makes both packages.
 *
 * @returns their paths
 * @throws {Error} if one cannot be made
 */
async function makePackages(): Promise<string[]> {
  const folder = await Deno.makeTempDir({ prefix: "usersvc-package-" });
  try {
    await makeBundle(`${folder}/bundle`);
    await stage("npm", folder, "");
    await stage("pypi", folder, "src/usersvc/");
    const paths = await Promise.all([
      packForNpm(`${folder}/npm`),
      packForPypi(`${folder}/pypi`),
    ]);
    for (const path of paths) await Deno.stat(path);
    return paths;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  if (Deno.args.length > 0) {
    console.error("usage: deno task package");
    Deno.exit(2);
  }
  try {
    for (const path of await makePackages()) console.log(path);
    if (await usesStandIn()) {
      console.error("package: the stand-in for @std/cli is inside (see: deno task setup --fresh)");
    }
  } catch (error) {
    console.error(`package: ${(error as Error).message}`);
    Deno.exit(1);
  }
}
