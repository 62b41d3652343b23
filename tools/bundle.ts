/**
 * Makes the bundle: the whole program, with its packages, as JavaScript. It is the only thing that is
 * run, compiled or packed: the executable, the launcher, the packages and the image are made from it.
 * `deno bundle` takes esbuild from npm, in the version that belongs to this Deno.
 *
 * A bundle is a folder of modules and nothing else. `main.js` is the program: run it as
 * tools/run_flags.ts says. What a command loads only when it needs it is a file of its own, whose
 * name may change with each build. It reads no file of its own when it runs, and no package's.
 */
import { deno } from "./deno.ts";
import { mainModule } from "./paths.ts";

/**
 * Makes a bundle in a folder, in place of what is there.
 *
 * @throws {Error} if it cannot be made; the message says why, and the folder is as it was or gone
 */
export async function makeBundle(folder: string): Promise<void> {
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  const options = ["--code-splitting", "--outdir", folder];
  const { success, stderr } = await deno(["bundle", ...options, mainModule]);
  if (!success) throw new Error(`deno bundle failed:\n${stderr}`);
  for await (const { name } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    const code = await Deno.readTextFile(path);
    const lost = namesLost(code);
    if (lost) throw new Error(`${name}: ${lost}`);
    await Deno.writeTextFile(path, importBuiltins(code));
  }
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
