/** What is changed in the code that the bundler writes. */
import { constants } from "../src/http2/http2.ts";
import { denoByNpx } from "./run_flags.ts";

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

/** How @grpc/proto-loader 0.8.1 makes descriptors, and how it is to make them when they are read. */
const DESCRIPTORS: readonly (readonly [RegExp, string])[] = [
  // This module adds `toDescriptor` to the classes of protobufjs.
  [/\bvar descriptor = (require_descriptor\w*)\(\);(?=\s+var util_1)/, "var descriptor = $1;"],
  [/\bconst messageDescriptor = message\.toDescriptor\("proto3"\);/, ""],
  [
    /\btype: (messageDescriptor\.\$type\.toObject\(messageDescriptor, descriptorOptions\)),/,
    'get type() { descriptor(); const messageDescriptor = message.toDescriptor("proto3"); return $1; },',
  ],
  [/\bconst enumDescriptor = enumType\.toDescriptor\("proto3"\);/, ""],
  [
    /\btype: (enumDescriptor\.\$type\.toObject\(enumDescriptor, descriptorOptions\)),/,
    'get type() { descriptor(); const enumDescriptor = enumType.toDescriptor("proto3"); return $1; },',
  ],
  [
    /\bfileDescriptorProtos: fileDescriptors\b/g,
    "get fileDescriptorProtos() { return fileDescriptors(); }",
  ],
  [
    /\bconst descriptorList = root\.toDescriptor\("proto3"\)\.file;\s+const bufferList = descriptorList\.map\(\(value\) => (Buffer\.from\(descriptor)(\.FileDescriptorProto\.encode\(value\)\.finish\(\)\))\);/,
    'let made; const bufferList = () => made ??= (descriptor(), root.toDescriptor("proto3").file)' +
    ".map((value) => $1()$2);",
  ],
  [/\bdescriptor\.FileDescriptorSet\b/g, "descriptor().FileDescriptorSet"],
];

/**
 * Has @grpc/proto-loader make the descriptors of a contract when somebody reads them, as reflection
 * does, and not for each call: to load what makes them and to make them took 15 of the 107 ms of CPU
 * time of a whole call (medians of 15 runs, Deno 2.9.2, 2 cores).
 *
 * @returns the changed code; undefined where it holds no proto-loader of the form that is known
 */
export function laterDescriptors(code: string): string | undefined {
  if (DESCRIPTORS.some(([pattern]) => code.search(pattern) === -1)) return undefined;
  return DESCRIPTORS.reduce((text, [from, to]) => text.replace(from, to), code);
}

/**
 * Hides what a module imports with `import()`: Deno reads all that it can see there, and what that
 * imports, before it runs anything. `--version` took 29 ms with it and 37 without, a call 125 and 130
 * (medians of 20 interleaved runs, Deno 2.9.2, 2 cores).
 *
 * Such an import needs the permission to read, and `deno compile` has to be told of the modules. A
 * server gives that permission up: modules that it imports later have to be seen.
 */
export function importLater(code: string): string {
  const hidden = code.replace(/\bimport\(("\.\/[^"]+")\)/g, "import(__later($1))");
  return `${hidden}\nfunction __later(name) {\n  return name;\n}\n`;
}

/** The module of a bundle that stands in place of node:http2. */
export const HTTP2 = "node_http2.js";

/** What it holds until the program has put src/http2/ there: grpc-js reads constants when it is loaded. */
export const http2Exports = `export default ${JSON.stringify({ constants })};\n`;

/**
 * Leaves out node:http2 and, for grpc-js, node:http, which it needs for proxies alone: these are never
 * used here. To load them takes 14 of the 62 ms of a Deno that loads no more (minima of whole
 * processes, Deno 2.9.2, 2 cores).
 *
 * @throws {Error} if grpc-js uses node:http for more
 */
export function withoutHttp(code: string): string {
  const edited = code.replace(/^(import \w+ from )"node:http2";$/gm, `$1"./${HTTP2}";`);
  if (!edited.includes("@grpc/grpc-js/1.14.7/build/src/http_proxy.js")) return edited;
  if ((edited.match(/\b__node_http\b/g) ?? []).length !== 2) {
    throw new Error("node:http is used for more than proxies: check withoutHttp");
  }
  return edited.replace(
    /^import __node_http from "node:http";$/m,
    "const __node_http = undefined;",
  );
}

/** Leaves out where the packages are on the machine that builds: the names of modules are enough. */
export function withoutCachePaths(code: string): string {
  return code.replace(
    /(?<=["\s])[^"\s]*\/npm\/[^/"\s]+\/(?=[^"\s]+\.(?:[cm]?js|json|proto)\b)/g,
    "",
  );
}

/** Has the program say so, and end with exit code 1, where another Deno than this one runs it. */
export function refuseOtherDeno(code: string): string {
  const { deno } = Deno.version;
  return `if (Deno.version.deno !== "${deno}") {
  console.error(\`usersvc: this program is made for Deno ${deno}, and this is Deno \${Deno.version.deno}; run it with: ${denoByNpx}\`);
  Deno.exit(1);
}
${code}`;
}
