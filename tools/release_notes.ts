/**
 * Prints what CHANGELOG.md says of the version that a tag names, for the release on GitHub.
 *
 * usage: deno run -A tools/release_notes.ts TAG
 *
 * It fails if the tag is not the version, the version has no section, or the stand-in is installed in
 * place of the real package @std/cli.
 */
import { root } from "./paths.ts";
import config from "../deno.json" with { type: "json" };
import { usesStandIn } from "./setup.ts";

/**
 * The text below `## [version] - date` of a changelog.
 *
 * @throws {Error} if there is no such section, or nothing in it
 */
export function changelogSection(changelog: string, version: string): string {
  const sections = changelog.split(/^## /m).slice(1);
  const section = sections.find((text) => text.startsWith(`[${version}] - `));
  if (section === undefined) {
    throw new Error(`CHANGELOG.md has no section "## [${version}] - DATE"`);
  }
  const text = section.replace(/^.*\n/, "").trim();
  if (text === "") throw new Error(`CHANGELOG.md says nothing of ${version}`);
  return text;
}

/**
 * The notes of a release.
 *
 * @param tag the git tag, `v0.1.0`
 * @throws {Error} if it is not the version of deno.json, or the changelog does not have it
 */
export async function releaseNotes(tag: string): Promise<string> {
  if (tag !== `v${config.version}`) {
    throw new Error(`the tag is ${tag}, but deno.json's version is ${config.version}`);
  }
  return changelogSection(await Deno.readTextFile(`${root}CHANGELOG.md`), config.version);
}

async function main([tag, ...extra]: string[]): Promise<number> {
  if (tag === undefined || extra.length > 0) {
    console.error("usage: deno run -A tools/release_notes.ts TAG");
    return 2;
  }
  try {
    if (await usesStandIn()) throw new Error("the stand-in for @std/cli must not be released");
    console.log(await releaseNotes(tag));
    return 0;
  } catch (error) {
    console.error(`release: ${(error as Error).message}`);
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
