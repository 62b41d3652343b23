/**
 * Installs what the other tasks need and no registry of npm has: the package @std/cli.
 *
 * Where JSR can be reached, Deno downloads it by itself. Where it cannot, a stand-in is put into
 * the git-ignored folder vendor/, in the form in which Deno keeps packages there.
 *
 * `deno task setup --fresh` replaces a stand-in by the real package.
 */
import config from "../deno.json" with { type: "json" };

const root = new URL("..", import.meta.url);
const registry = registryUrl(Deno.env.get("JSR_URL"));
const [, scope, name, version] = /^jsr:@(.+)\/(.+)@(.+)$/.exec(config.imports["@std/cli"])!;
const folder = new URL(`vendor/${vendorName(registry)}@${scope}/${name}/`, root);
const module = new URL(`${version}/parse_args.ts`, folder);
const standIn = new URL("stand_in/parse_args.ts", import.meta.url);

/** The registry that Deno uses: Deno adds a missing last slash, and ignores a text that is no URL. */
function registryUrl(given: string | undefined): URL {
  return URL.parse(`${given?.replace(/\/+$/, "")}/`) ?? new URL("https://jsr.io/");
}

/** The folder in which Deno keeps what comes from a registry: `jsr.io/`. */
function vendorName({ protocol, host, pathname }: URL): string {
  const scheme = protocol === "https:" ? "" : protocol.replace(":", "_");
  return scheme + host.replace(":", "_") + pathname;
}

/** Whether a text is the stand-in, of this commit or another. */
function isStandIn(source: string | undefined): boolean {
  return source?.includes("A stand-in for parseArgs") ?? false;
}

/** Whether the installed @std/cli is a stand-in; false as well if none is installed. */
export async function usesStandIn(): Promise<boolean> {
  return isStandIn(await readText(module));
}

/** The module of the real @std/cli; undefined if it is not installed, or a stand-in is. */
export async function stdCliSource(): Promise<string | undefined> {
  const source = await readText(module);
  return isStandIn(source) ? undefined : source;
}

async function readText(file: URL): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function canReachJsr(): Promise<boolean> {
  try {
    const url = new URL(`@${scope}/${name}/meta.json`, registry);
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

async function putStandIn(): Promise<void> {
  const source = await Deno.readTextFile(standIn);
  const bytes = new TextEncoder().encode(source);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const checksum = `sha256-${digest.toHex()}`;
  await Deno.mkdir(new URL(`${version}/`, folder), { recursive: true });
  await put(module, source);
  await putJson(`${version}_meta.json`, {
    manifest: { "/parse_args.ts": { size: bytes.length, checksum } },
    exports: { "./parse-args": "./parse_args.ts" },
  });
  await putJson("meta.json", { scope, name, latest: version, versions: { [version!]: {} } });
}

async function putJson(file: string, value: unknown): Promise<void> {
  await put(new URL(file, folder), JSON.stringify(value, null, 2) + "\n");
}

/** Writes a file, but not over the same text: another task may be reading it. */
async function put(file: URL, text: string): Promise<void> {
  if (await readText(file) !== text) await Deno.writeTextFile(file, text);
}

async function main(args: string[]): Promise<number> {
  const fresh = args[0] === "--fresh";
  if (args.length > (fresh ? 1 : 0)) {
    console.error("usage: deno task setup [--fresh]");
    return 2;
  }
  const installed = await readText(module);
  if (installed !== undefined && !isStandIn(installed)) return 0;
  // A stand-in stays until --fresh replaces it, so that no other task waits for JSR.
  if ((installed === undefined || fresh) && await canReachJsr()) {
    if (installed !== undefined) await Deno.remove(folder, { recursive: true });
    return 0;
  }
  await putStandIn();
  if (installed === undefined || fresh) {
    console.error(
      "setup: JSR is out of reach, so a stand-in for @std/cli is used; " +
        "once JSR is reachable, replace it with: deno task setup --fresh",
    );
  }
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
