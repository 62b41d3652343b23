/**
 * Generates the request and response types in src/contract/generated/ from the contract.
 *
 * `deno task generate --check` changes nothing and fails if they are not current.
 */
import { readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import config from "../deno.json" with { type: "json" };
import { root } from "./paths.ts";
import { deno } from "./programs.ts";

const committed = `${root}src/contract/generated/`;

async function generate(outDir: string): Promise<void> {
  const generator = `${config.imports["@grpc/proto-loader"]}/proto-loader-gen-types`;
  const { code, stderr } = await deno([
    ...["run", "-A", "--quiet", generator],
    // The options have to match those of src/contract/service_definition.ts, which loads the contract.
    ...["--keepCase", "--defaults", "--includeComments", "--grpcLib=@grpc/grpc-js"],
    ...["--importFileExtension=.ts", `--outDir=${outDir}`, "proto/user_service.proto"],
  ]);
  if (code !== 0) throw new Error(`proto-loader-gen-types failed:\n${stderr}`);
}

/** Returns every file of a folder by its path there. */
async function readFolder(folder: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(relative(folder, path), await Deno.readTextFile(path));
  }
  return files;
}

async function check(): Promise<number> {
  // Not the system's folder for temporary files: the generator writes import paths relative to it.
  const fresh = `${root}src/contract/generated.check-${Deno.pid}/`;
  try {
    await generate(fresh);
    const [now, then] = await Promise.all([readFolder(fresh), readFolder(committed)]);
    const names = new Set([...now.keys(), ...then.keys()]);
    const drifted = [...names].filter((name) => now.get(name) !== then.get(name));
    for (const name of drifted) {
      const path = `src/contract/generated/${name}`;
      console.error(`generate: ${path} is not current; run: deno task generate`);
    }
    return drifted.length === 0 ? 0 : 1;
  } finally {
    await Deno.remove(fresh, { recursive: true });
  }
}

async function main(args: string[]): Promise<number> {
  if (args[0] === "--check" && args.length === 1) return await check();
  if (args.length > 0) {
    console.error("usage: deno task generate [--check]");
    return 2;
  }
  await Deno.remove(committed, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  await generate(committed);
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
