/** What the packages say of themselves; name, version, license and description stand in deno.json. */
import config from "../../deno.json" with { type: "json" };
import { LICENSES } from "../licenses.ts";

/** The Deno that the packages depend on. */
const deno = Deno.version.deno;

/** Where the sources are: npm compares it with where a release was built. */
function source(): string {
  return `https://github.com/${Deno.env.get("GITHUB_REPOSITORY") ?? "OWNER/usersvc"}`;
}

/** The package.json of the package for npm. */
export function npmManifest(): string {
  const { name, version, license, description } = config;
  const manifest = {
    ...{ name, version, license, description },
    repository: { type: "git", url: `git+${source()}.git` },
    // What Deno runs are modules; what Node runs is usersvc.cjs.
    type: "module",
    bin: { usersvc: "usersvc.cjs" },
    files: ["usersvc.cjs", "run.json", "bundle", "proto", LICENSES],
    engines: { node: ">=18" },
    dependencies: { deno },
  };
  return JSON.stringify(manifest, null, 2) + "\n";
}

/** The run.json of the package for npm: which Deno it needs, and with which flags it runs it. */
export function runJson(flags: readonly string[]): string {
  return JSON.stringify({ deno, flags }) + "\n";
}

/**
 * The pyproject.toml of the package for PyPI.
 *
 * @param template with names in braces
 * @throws {Error} if a name is not known
 */
export function pyproject(template: string): string {
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

/**
 * The module _run.py of the package for PyPI.
 *
 * @param usageExitCodes of each command
 */
export function pythonConstants(
  flags: readonly string[],
  usageExitCodes: Readonly<Record<string, number>>,
): string {
  return `"""Written by \`deno task package\`."""

from typing import Final

DENO_VERSION: Final = ${JSON.stringify(deno)}
FLAGS: Final = ${JSON.stringify(flags)}
USAGE_EXIT_CODES: Final = ${JSON.stringify(usageExitCodes)}
`;
}
