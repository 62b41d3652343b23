import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { dirname } from "node:path";
import config from "../../deno.json" with { type: "json" };
import { mainModule, root } from "../../tools/paths.ts";
import { sourcePermissionFlags } from "../../tools/run_flags.ts";
import { startServer, stopServer } from "../../tools/programs.ts";
import {
  posixTest,
  programTest,
  type Result,
  runProgram,
  shell,
  withFolder,
} from "../support/program.ts";

/** What a shell, a URL, a list of paths or Deno could take for something else; Windows allows less. */
const ODD_NAME = Deno.build.os === "windows" ? "it's, $PATH #1" : `it's, "$PATH" #1?%20 \`\\ Жé`;

/** A test with a copy of what a build needs, so that it does not replace the ./usersvc of the checkout. */
function checkoutTest(
  name: string,
  use: (copy: string) => Promise<void>,
  { folder = "checkout", test = programTest }: { folder?: string; test?: typeof posixTest } = {},
): void {
  test(name, () =>
    withFolder(async (parent) => {
      const copy = `${parent}/${folder}`;
      for (const name of ["deno.json", "deno.lock", "proto", "src", "tools", "vendor"]) {
        await cp(`${root}${name}`, `${copy}/${name}`, { recursive: true });
      }
      await use(copy);
    }));
}

/** Runs a program to its end, with the lines of every system. */
async function run(
  program: string,
  args: readonly string[],
  launch: Parameters<typeof runProgram>[2] = {},
): Promise<Result> {
  const { code, stdout, stderr } = await runProgram(program, args, launch);
  return { code, stdout: stdout.replaceAll("\r", ""), stderr: stderr.replaceAll("\r", "") };
}

checkoutTest(
  "the demo builds ./usersvc, whatever its folder is called, and shows both sides of a call",
  async (copy) => {
    const demo = await run(Deno.execPath(), ["run", "-A", `${copy}/tools/demo.ts`]);
    assert.equal(demo.code, 0, demo.stderr);
    const port = /запущен на порту (\d+)/.exec(demo.stdout)?.[1];
    assert.equal(
      demo.stdout.split("\nThe server has stopped")[0],
      `$ deno task build

$ ./usersvc serve --port 0
server | gRPC сервер запущен на порту ${port}...

$ ./usersvc call Alice --port ${port}
client | Привет, Alice!
server | Получен запрос к методу GetUser от пользователя: Alice
`,
    );
    const isLauncher = demo.stderr.includes("is a launcher, not standalone");
    const ending = Deno.build.os !== "windows" ? "" : isLauncher ? ".cmd" : ".exe";
    const built = `${copy}/usersvc${ending}`;
    assert.match((await run(built, ["--version"])).stdout, /^usersvc \d+\.\d+\.\d+ \(deno /);
    assert.equal((await run(built, ["call"])).code, 2);
    // Built a second time, it replaces what is there.
    const again = await run(Deno.execPath(), ["run", "-A", `${copy}/tools/build.ts`]);
    assert.equal(again.code, 0, again.stderr);
  },
  { folder: ODD_NAME },
);

checkoutTest("a failure of deno compile is an error, not a launcher", async (copy) => {
  const build = ["run", "-A", `${copy}/tools/build.ts`];
  const env = { DENORT_BIN: `${copy}/no-such-file` };
  const noRuntime = await run(Deno.execPath(), build, { env });
  assert.equal(noRuntime.code, 1);
  assert.match(noRuntime.stderr, /^build: deno compile failed:\n[^]*no-such-file/);
  assert.deepEqual(await run(Deno.execPath(), [...build, "--taget", "x"]), {
    code: 2,
    stdout: "",
    stderr: "usage: deno task build [--target TRIPLE]\n",
  });
  const names = [...Deno.readDirSync(copy)].map(({ name }) => name);
  assert.deepEqual(names.filter((name) => /usersvc|build-/.test(name)), []);
});

checkoutTest(
  "deno compile can embed every package, and each has its license in the bundle",
  async (copy) => {
    // Deno itself stands in for denort: what comes out is no usersvc, but is made in the same way.
    const env = { DENORT_BIN: Deno.execPath() };
    const built = await run(Deno.execPath(), ["run", "-A", `${copy}/tools/build.ts`], { env });
    assert.equal(built.code, 0, built.stderr);
    assert.doesNotMatch(built.stderr, /is a launcher/);
    await licensed(`${copy}/dist/bundle`);
  },
  { folder: ODD_NAME },
);

/** Types, and what only tests use. */
const OF_NO_COMMAND = /^npm:(@types\/|ajv@|axe-core@|puppeteer-core@)/;

async function licensed(bundle: string): Promise<void> {
  const modules: string[] = [];
  for await (const { name } of Deno.readDir(bundle)) {
    if (name.endsWith(".js")) modules.push(await Deno.readTextFile(`${bundle}/${name}`));
  }
  const inside = modules.join("\n").matchAll(/^\/\/ ((?:@[^/\s]+\/)?[^/\s]+)\/(\d+\.\d+\.\d+)\//gm);
  const packages = [...new Set([...inside].map(([, name, version]) => `${name} ${version}`))]
    .sort();
  const expected = Object.values(config.imports).filter((source) =>
    source.startsWith("npm:") && !OF_NO_COMMAND.test(source)
  );
  for (const source of expected) {
    const title = source.replace(/^npm:(.*)@/, "$1 ");
    assert.ok(packages.includes(title), title);
  }
  const text = await Deno.readTextFile(`${bundle}/THIRD_PARTY_LICENSES`);
  const entries = text.split(`\n${"=".repeat(80)}\n\n`).slice(1).filter((entry) =>
    !entry.startsWith("@std/cli ")
  );
  assert.deepEqual(entries.map((entry) => entry.split("\n")[0]), packages);
  for (const entry of entries) {
    assert.match(
      entry,
      /^.+\nLicense: \S.*\n\n(The package has no license file|[^]*(Copyright|Apache License))/,
    );
  }
}

/** Of a path that a shell, a batch file or a list of Deno could misread. */
const DENO_FOLDER = `/it's,"$PATH",Ж`;

/** Makes the bundle and the launcher in a copy of the checkout, with a copy of this Deno that all may run. */
async function buildLauncher(copy: string): Promise<void> {
  for (const folder of [copy, dirname(copy)]) await Deno.chmod(folder, 0o755);
  await Deno.mkdir(`${copy}${DENO_FOLDER}`);
  await Deno.copyFile(Deno.execPath(), `${copy}${DENO_FOLDER}/deno`);
  const { stdout, stderr } = await run(`${copy}${DENO_FOLDER}/deno`, [
    ...["eval", "--config", `${copy}/deno.json`],
    `import { makeBundle } from "${copy}/tools/bundle.ts";
     import { writeLauncher } from "${copy}/tools/launcher.ts";
     import { bundleFolder } from "${copy}/tools/paths.ts";
     await makeBundle(bundleFolder);
     console.log(await writeLauncher());`,
  ]);
  assert.equal(stdout, `${copy}/usersvc\n`, stderr);
}

checkoutTest(
  "the launcher says what the sources say, whoever runs it and wherever",
  async (copy) => {
    await buildLauncher(copy);
    await sameAsSources(copy);
    await refusedByLauncher(copy);
    await servedForStrangers(copy);
    await withoutBundle(copy);
  },
  { test: posixTest },
);

async function sameAsSources(copy: string): Promise<void> {
  const sources = ["run", "--quiet", ...sourcePermissionFlags, mainModule];
  const commandLines = [
    [],
    ["--version"],
    ["help", "call"],
    ["help", "serve"],
    ["proto"],
    ["cal"],
    ["call"],
    ["call", "Alice", "--timeout", "soon"],
    ["call", "Alice", "--address", "127.0.0.1:1"],
    ["call", "Иван 👋", "--address", "127.0.0.1:1"],
    ["call", "a\nb", "--timeout", "soon"],
    ["serve", "--port", "none"],
  ];
  for (const args of commandLines) {
    const expected = await run(Deno.execPath(), [...sources, ...args]);
    assert.deepEqual(await run(`${copy}/usersvc`, args), expected, args.join(" "));
  }
}

async function refusedByLauncher(copy: string): Promise<void> {
  for (const [command, code] of [["call", 2], ["serve", 2], ["check", 1]] as const) {
    for (const argument of ["\\xff", "A\\xc3", "\\xed\\xa0\\x80"]) {
      const line = `'${copy}/usersvc' ${command} ok $'${argument}' "Иван"`;
      assert.deepEqual(await shell(line), {
        code,
        stdout: "",
        stderr: `usersvc ${command}: an argument is not UTF-8; see usersvc ${command} --help\n`,
      });
    }
  }
  for (const args of ["call Alice", "serve", "--version"]) {
    assert.deepEqual(await shell(`ulimit -n 16; '${copy}/usersvc' ${args}`), {
      code: 1,
      stdout: "",
      stderr: "usersvc: too few file descriptors: Deno needs 24 to start; " +
        "allow more (ulimit -n 1024)\n",
    });
  }
  // Some shells cannot run any script with so few.
  const { code, stderr } = await shell(`ulimit -n 10; '${copy}/usersvc' call Alice`);
  assert.ok(code > 0 && /^[^\n]+\n$/.test(stderr), stderr);
  const commandLines = [["--help"], ["--version"], ["proto"], ["call", "Alice"], ["check"], [
    "serve",
  ]];
  for (const args of commandLines) {
    for (const shell of ["sh", "bash"]) {
      const closed = ["-c", '"$0" "$@" >&-', `${copy}/usersvc`, ...args];
      assert.deepEqual(await run(shell, closed), {
        code: 1,
        stdout: "",
        stderr: "usersvc: cannot write the output: stdout is closed\n",
      });
    }
  }
}

/** Another user where this one is root; for every other user, what it may not write is enough. */
const stranger = () => Deno.uid() === 0 ? { uid: 65533, gid: 65533 } : {};

/** The surroundings of somebody who has nothing: no home, no cache, not the right to write anything. */
async function servedForStrangers(copy: string): Promise<void> {
  await shell(`chmod -R a+rX,a-w '${copy}'`);
  const homes = [{ HOME: `${copy}/none`, DENO_DIR: `${copy}/none` }, { HOME: "/proc" }, {}];
  for (const [index, home] of homes.entries()) {
    const workers = index === 0 ? [] : ["--workers", "2"];
    const env = { PATH: Deno.env.get("PATH")!, NO_COLOR: "1", ...home };
    const launch = { clearEnv: true, env, cwd: "/", ...stranger() };
    const server = await startServer([`${copy}/usersvc`], workers, launch);
    const call = await run(
      `${copy}/usersvc`,
      ["call", "Alice", "--port", `${server.port}`],
      launch,
    );
    assert.deepEqual(call, { code: 0, stdout: "Привет, Alice!\n", stderr: "" });
    const { code, stderr } = await stopServer(server);
    assert.equal(code, 0, stderr);
    for (const line of stderr.trimEnd().split("\n")) assert.match(line, /^usersvc serve: /);
  }
  await shell(`chmod -R u+w '${copy}'`);
}

async function withoutBundle(copy: string): Promise<void> {
  const main = `${copy}/dist/bundle/main.js`;
  const outcome = async () => {
    // Strangers may be kept from the folder of the checkout.
    const launch = { cwd: "/", ...stranger() };
    const { code, stdout, stderr } = await run(`${copy}/usersvc`, ["serve"], launch);
    assert.deepEqual([code, stdout], [1, ""]);
    return stderr;
  };
  const program = await Deno.readTextFile(main);
  await Deno.writeTextFile(main, program.replaceAll(Deno.version.deno, "2.0.0"));
  assert.match(
    await outcome(),
    /^usersvc: this program is made for Deno 2\.0\.0, and this is Deno [\d.]+; run it with: .*\n$/,
  );
  await Deno.chmod(main, 0o000);
  assert.equal(await outcome(), `usersvc: this user cannot read ${main}\n`);
  await Deno.remove(`${copy}/dist`, { recursive: true });
  assert.match(await outcome(), /^usersvc: \S+ is gone; build it again with: npx .*\n$/);
  await Deno.remove(`${copy}${DENO_FOLDER}/deno`);
  assert.match(await outcome(), /^usersvc: cannot run \S+, the Deno that .*: npx .*\n$/);
}

checkoutTest("a bundle that would lose the names of a package is refused", async (copy) => {
  const text = 'console.log((await import("@grpc/grpc-js")).status.OK);\n';
  await Deno.writeTextFile(`${copy}/src/main.ts`, text);
  const { stdout } = await run(Deno.execPath(), [
    ...["eval", "--config", `${copy}/deno.json`],
    `import { makeBundle } from "${copy}/tools/bundle.ts";
     console.log(await makeBundle("${copy}/dist").catch(({ message }) => message));`,
  ]);
  assert.match(stdout, /^[\w-]+\.js: import\(\) of the CommonJS package that holds \w+: /);
}, { test: posixTest });

programTest("a bundle imports Node's modules instead of requiring them", async () => {
  const { importBuiltins } = await import("../../tools/bundle_edits.ts");
  const required = 'var net = __require("node:net");\nvar dns = __require(\n  /* a note */\n  ' +
    '"node:dns/promises"\n);\nvar again = __require("node:net");\nvar other = __require("other");';
  assert.equal(
    importBuiltins(required),
    'import __node_net from "node:net";\nimport __node_dns_promises from "node:dns/promises";\n' +
      "var net = __node_net;\nvar dns = __node_dns_promises;\nvar again = __node_net;\n" +
      'var other = __require("other");',
  );
});

programTest("only a download that failed makes the build fall back to a launcher", async () => {
  const { lacksDenort } = await import("../../tools/build.ts");
  const said = (cause: string) =>
    `error: Writing deno compile executable\n\nCaused by:\n    ${cause}`;
  const download = "0: Setting up base binary.\n    1: ";
  const cases: [output: string, expected: boolean][] = [
    [said(`${download}error sending request for url (https://host/denort.zip)`), true],
    [said(`${download}Bad response: 403`), true],
    [said("0: Could not find denort at '/nonexistent'"), false],
    [said(`${download}Writing /cache/denort.zip: No space left on device`), false],
    ["error: Module not found; error sending request for url (https://host/)", false],
  ];
  for (const [output, expected] of cases) assert.equal(lacksDenort(output), expected, output);
});
