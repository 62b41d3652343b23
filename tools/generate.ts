/**
 * Generates the request and response types in src/contract/generated/ from the contract.
 *
 * `deno task generate --check` changes nothing and fails if they are not current.
 */
import { fileURLToPath } from "node:url";
import config from "../deno.json" with { type: "json" };
import { root } from "./paths.ts";

const sources = new URL("../src/contract/", import.meta.url);
const committed = new URL("generated/", sources);

async function generate(outDir: URL): Promise<void> {
  const generator = `${config.imports["@grpc/proto-loader"]}/proto-loader-gen-types`;
  const command = new Deno.Command(Deno.execPath(), {
    cwd: root,
    args: [
      ...["run", "-A", "--quiet", generator],
      // The names have to be those of src/contract/parse_contract.ts, which loads the contract.
      ...[
        "--keepCase",
        "--defaults",
        "--includeComments",
        "--grpcLib=@grpc/grpc-js",
      ],
      ...[
        "--importFileExtension=.ts",
        `--outDir=${fileURLToPath(outDir)}`,
        "proto/user_service.proto",
      ],
    ],
  });
  const { success } = await command.spawn().status;
  if (!success) throw new Error("proto-loader-gen-types failed");
}

/** Returns every file of a folder by its path there. */
async function readFolder(
  folder: URL,
  prefix = "",
): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) {
      const inner = await readFolder(
        new URL(`${name}/`, folder),
        `${prefix}${name}/`,
      );
      inner.forEach((text, file) => files.set(file, text));
    } else {
      files.set(prefix + name, await Deno.readTextFile(new URL(name, folder)));
    }
  }
  return files;
}

async function check(): Promise<number> {
  // Not the system's folder for temporary files: the generator writes import paths relative to it.
  const fresh = new URL(`generated.check-${Deno.pid}/`, sources);
  try {
    await generate(fresh);
    const [now, then] = await Promise.all([
      readFolder(fresh),
      readFolder(committed),
    ]);
    const names = new Set([...now.keys(), ...then.keys()]);
    const drifted = [...names].filter((name) => now.get(name) !== then.get(name));
    for (const name of drifted) {
      console.error(
        `generate: src/contract/generated/${name} is not current; run: deno task generate`,
      );
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
