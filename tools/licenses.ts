/** Collects the licenses of the packages that are inside a bundle. */
import { resolve } from "node:path";
import config from "../deno.json" with { type: "json" };
import { root } from "./paths.ts";

/** The file of a bundle that holds them. */
export const LICENSES = "THIRD_PARTY_LICENSES";

/** A package of others, with what its author asks to be passed on. */
interface Licensed {
  readonly name: string;
  readonly version: string;
  /** An SPDX expression. */
  readonly license: string;
  /** The text of its license files, or a line that says that it has none. */
  readonly text: string;
}

/** The bundler writes before each module where it was read from, relative to the checkout. */
const MODULE_OF_NPM = /^\/\/ (.*?\/npm\/.*?\/(?:@[^/\n]+\/)?[^/\n]+\/\d+\.\d+\.\d+[^/\n]*)\/.+$/gm;
const STD_CLI = /^\/\/ .*@std\/cli\/\d+\.\d+\.\d+[^/\n]*\/.+$/m;

/**
 * Names each package of which a module is in the bundle, with its license.
 *
 * @param code of the whole bundle, as the bundler has written it
 * @returns a text in the order of the packages' names, the same for each build
 * @throws {Error} if a package does not say under which license it is
 */
export async function thirdPartyLicenses(code: string): Promise<string> {
  const folders = new Set([...code.matchAll(MODULE_OF_NPM)].map((found) => found[1]!));
  const packages = await Promise.all([...folders].map((path) => npmPackage(resolve(root, path))));
  if (STD_CLI.test(code)) packages.push(...await stdCli());
  // A package whose peers differ is in the cache once for each of them.
  const entries = new Map(packages.map((found) => [`${found.name} ${found.version}`, found]));
  if (entries.size === 0) throw new Error("no package was found in what the bundler has written");
  return [
    `usersvc contains parts of the packages below.\n`,
    ...[...entries.keys()].sort().map((title) => entry(title, entries.get(title)!)),
  ].join(`\n${"=".repeat(80)}\n\n`);
}

function entry(title: string, { license, text }: Licensed): string {
  return `${title}\nLicense: ${license}\n\n${text.replaceAll("\r\n", "\n").trim()}\n`;
}

/** Reads a package in Deno's cache. */
async function npmPackage(folder: string): Promise<Licensed> {
  const { name, version, license } = JSON.parse(
    await Deno.readTextFile(`${folder}/package.json`),
  );
  if (typeof license !== "string") throw new Error(`${name} ${version} names no license`);
  const files = (await Array.fromAsync(Deno.readDir(folder)))
    .filter((file) => file.isFile && /^(licen[cs]e|copying|notice)\b/i.test(file.name))
    .map((file) => file.name).sort();
  const texts = await Promise.all(files.map((file) => Deno.readTextFile(`${folder}/${file}`)));
  const text = texts.join("\n\n") || "The package has no license file; its package.json says this.";
  return { name, version, license, text };
}

/** @std/cli, whose license is a line of its modules; the stand-in for it is part of this project. */
async function stdCli(): Promise<Licensed[]> {
  // It reads the environment when it is loaded, which a bare `deno test` may not.
  const { stdCliSource } = await import("./setup.ts");
  const source = await stdCliSource();
  if (source === undefined) return [];
  const text = /^\/\/ (Copyright .*)$/m.exec(source)?.[1];
  const version = config.imports["@std/cli"].replace(/^.*@/, "");
  if (!text?.includes("MIT license")) throw new Error(`@std/cli ${version} names no MIT license`);
  return [{ name: "@std/cli", version, license: "MIT", text }];
}
