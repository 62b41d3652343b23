/**
 * Makes JavaScript of the sources and their packages that starts faster than they do: with
 * `deno bundle`, which takes esbuild from npm, in the version that belongs to this Deno.
 */
import { deno } from "./deno.ts";
import { mainModule } from "./paths.ts";

/**
 * Bundles the program into a folder that does not exist yet. Its main module is `main.js`; what a
 * command loads only when it needs it stays a file of its own.
 *
 * `serve` does not work from it: the packages that read files next to themselves do not find them.
 *
 * @returns what went wrong, or undefined
 */
export async function bundle(folder: string): Promise<string | undefined> {
  const options = ["--code-splitting", "--outdir", folder];
  const { success, stderr } = await deno(["bundle", ...options, mainModule]);
  if (!success) return stderr;
  for await (const { name } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    const code = await Deno.readTextFile(path);
    const lost = namesLost(code);
    if (lost) return `${name}: ${lost}`;
    await Deno.writeTextFile(path, importBuiltins(code));
  }
  return undefined;
}

/**
 * Finds what the bundler breaks: where a CommonJS package is imported with `import()`, its chunk
 * exports nothing but a default.
 *
 * @see https://github.com/evanw/esbuild/issues/4377
 */
export function namesLost(code: string): string | undefined {
  const name = /^export default require_(\w+)\(\);$/m.exec(code)?.[1];
  return name === undefined
    ? undefined
    : `import() of the CommonJS package that holds ${name}: bundled, it would have no names; ` +
      "import() a module of the program that imports the package";
}

/**
 * Turns `require` of Node's modules into imports: what makes a `require`, node:module, takes longer
 * to load than all that it is asked for here.
 */
export function importBuiltins(code: string): string {
  const names = new Map<string, string>();
  const body = code
    .replace(
      /__require\(\s*(?:\/\*[^*]*\*\/\s*)?"(node:[\w/]+)"\s*\)/g,
      (_, module: string) => {
        const name = `__${module.replace(/\W/g, "_")}`;
        names.set(module, name);
        return name;
      },
    )
    .replace(
      /^import \{ createRequire as (\w+) \} from "node:module";\nvar __require = \1\(import\.meta\.url\);$/m,
      'var __require = (name) => {\n  throw new Error("cannot find module " + name);\n};',
    );
  const imports = [...names].map(([module, name]) => `import ${name} from "${module}";\n`);
  return imports.join("") + body;
}
