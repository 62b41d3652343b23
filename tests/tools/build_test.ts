import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import config from "../../deno.json" with { type: "json" };
import { mainModule, root } from "../../tools/paths.ts";
import { sourcePermissionFlags } from "../../tools/run_flags.ts";
import { posixTest, programTest, shell, Transcript } from "../support/program.ts";

/** Copies what a build needs, so that a test does not replace the ./usersvc of the checkout. */
async function copyCheckout(): Promise<string> {
  const copy = await Deno.makeTempDir({ prefix: "usersvc-build-" });
  for (const name of ["deno.json", "deno.lock", "proto", "src", "tools", "vendor"]) {
    await cp(`${root}${name}`, `${copy}/${name}`, { recursive: true });
  }
  return copy;
}

async function run(program: string, args: string[], env: Record<string, string> = {}) {
  const command = new Deno.Command(program, { args, env: { NO_COLOR: "1", ...env } });
  const { code, stdout, stderr } = await command.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).replaceAll("\r", "");
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** What a shell, a URL, a list of paths or Deno could take for something else; Windows allows less. */
const ODD_NAME = Deno.build.os === "windows" ? "it's, $PATH #1" : `it's, "$PATH" #1?%20 \`\\ Жé`;

/** The same in a folder with an odd name. */
async function oddCheckout(): Promise<string> {
  const copy = await copyCheckout();
  await Deno.rename(copy, `${copy}${ODD_NAME}`);
  return `${copy}${ODD_NAME}`;
}

programTest(
  "the demo builds ./usersvc, whatever its folder is called, and shows both sides of a call",
  async () => {
    const copy = await oddCheckout();
    try {
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
      const launched = demo.stderr.includes("is a launcher, not standalone");
      const names = Deno.build.os === "windows"
        ? { true: "usersvc.cmd", false: "usersvc.exe" }
        : { true: "usersvc", false: "usersvc" };
      const built = `${copy}/${names[`${launched}`]}`;
      assert.match((await run(built, ["--version"])).stdout, /^usersvc \d+\.\d+\.\d+ \(deno /);
      assert.equal((await run(built, ["call"])).code, 2);
      // Built a second time, it replaces what is there.
      const again = await run(Deno.execPath(), ["run", "-A", `${copy}/tools/build.ts`]);
      assert.equal(again.code, 0, again.stderr);
    } finally {
      await Deno.remove(copy, { recursive: true });
    }
  },
);

programTest("a failure of deno compile is an error, not a launcher", async () => {
  const copy = await copyCheckout();
  try {
    const build = ["run", "-A", `${copy}/tools/build.ts`];
    const noRuntime = await run(Deno.execPath(), build, { DENORT_BIN: `${copy}/no-such-file` });
    assert.equal(noRuntime.code, 1);
    assert.match(noRuntime.stderr, /^build: deno compile failed:\n[^]*no-such-file/);
    const badFlag = await run(Deno.execPath(), [...build, "--taget", "x"]);
    assert.deepEqual(badFlag, {
      code: 2,
      stdout: "",
      stderr: "usage: deno task build [--target TRIPLE]\n",
    });
    const built = [...Deno.readDirSync(copy)].map(({ name }) => name).filter((
      name,
    ) => /usersvc|build-/.test(name));
    assert.deepEqual(built, []);
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
});

programTest(
  "deno compile can embed every package, and each has its license in the bundle",
  async () => {
    const copy = await oddCheckout();
    try {
      // Deno itself stands in for denort: what comes out is no usersvc, but is made in the same way.
      const built = await run(Deno.execPath(), ["run", "-A", `${copy}/tools/build.ts`], {
        DENORT_BIN: Deno.execPath(),
      });
      assert.equal(built.code, 0, built.stderr);
      assert.doesNotMatch(built.stderr, /is a launcher/);
      await licensed(`${copy}/dist/bundle`);
    } finally {
      await Deno.remove(copy, { recursive: true });
    }
  },
);

/** Types, and what only tests use. */
const OF_NO_COMMAND = /^npm:(@types\/|axe-core@|puppeteer-core@)/;

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

/** Runs a piece of TypeScript that can import the modules of a checkout. */
async function evaluate(copy: string, code: string) {
  return await run(Deno.execPath(), ["eval", "--config", `${copy}/deno.json`, code]);
}

/** Of a path that `--allow-run` cannot name. */
const DENO_FOLDER = `/it's,"$PATH",Ж`;

/** Makes the bundle and the launcher in a copy of the checkout, with a copy of this Deno that all may run. */
async function buildLauncher(copy: string): Promise<void> {
  await Deno.chmod(copy, 0o755);
  await Deno.mkdir(`${copy}${DENO_FOLDER}`);
  await Deno.copyFile(Deno.execPath(), `${copy}${DENO_FOLDER}/deno`);
  const written = await new Deno.Command(`${copy}${DENO_FOLDER}/deno`, {
    args: [
      "eval",
      ...["--config", `${copy}/deno.json`],
      `import { makeBundle } from "${copy}/tools/bundle.ts";
       import { writeLauncher } from "${copy}/tools/launcher.ts";
       import { bundleFolder } from "${copy}/tools/paths.ts";
       await makeBundle(bundleFolder);
       console.log(await writeLauncher());`,
    ],
  }).output();
  const text = new TextDecoder().decode(written.stdout);
  assert.equal(text, `${copy}/usersvc\n`, new TextDecoder().decode(written.stderr));
}

posixTest("the launcher says what the sources say, whoever runs it and wherever", async () => {
  const copy = await copyCheckout();
  try {
    await buildLauncher(copy);
    await sameAsSources(copy);
    await refusedByLauncher(copy);
    await servedForStrangers(copy);
    await withoutBundle(copy);
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
});

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
    const options = { clearEnv: true, env, cwd: "/", ...stranger() } as const;
    const server = new Deno.Command(`${copy}/usersvc`, {
      ...options,
      args: ["serve", "--port", "0", ...workers],
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const [stdout, stderr] = [new Transcript(server.stdout), new Transcript(server.stderr)];
    const port = (await stdout.until(/порту (\d+)/))[1]!;
    const client = await new Deno.Command(`${copy}/usersvc`, {
      ...options,
      args: ["call", "Alice", "--port", port],
    }).output();
    assert.equal(new TextDecoder().decode(client.stdout), "Привет, Alice!\n");
    assert.equal(new TextDecoder().decode(client.stderr), "");
    server.kill("SIGTERM");
    assert.equal((await server.status).code, 0, await stderr.all());
    for (const line of (await stderr.all()).trimEnd().split("\n")) {
      assert.match(line, /^usersvc serve: /);
    }
  }
  await shell(`chmod -R u+w '${copy}'`);
}

async function withoutBundle(copy: string): Promise<void> {
  const main = `${copy}/dist/bundle/main.js`;
  const outcome = async () => {
    const { code, stdout, stderr } = await new Deno.Command(`${copy}/usersvc`, {
      args: ["serve"],
      // Strangers may be kept from the folder of the checkout.
      cwd: "/",
      ...stranger(),
    }).output();
    assert.deepEqual([code, stdout.length], [1, 0]);
    return new TextDecoder().decode(stderr);
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

posixTest("a bundle that would lose the names of a package is refused", async () => {
  const copy = await copyCheckout();
  try {
    await Deno.writeTextFile(
      `${copy}/src/main.ts`,
      'console.log((await import("@grpc/grpc-js")).status.OK);\n',
    );
    const { stdout } = await evaluate(
      copy,
      `import { makeBundle } from "${copy}/tools/bundle.ts";
       console.log(await makeBundle("${copy}/dist").catch(({ message }) => message));`,
    );
    assert.match(stdout, /^[\w-]+\.js: import\(\) of the CommonJS package that holds \w+: /);
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
});

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
  assert.ok(
    lacksDenort(
      said(
        `${download}error sending request for url (https://host/denort.zip)`,
      ),
    ),
  );
  assert.ok(lacksDenort(said(`${download}Bad response: 403`)));
  assert.ok(!lacksDenort(said("0: Could not find denort at '/nonexistent'")));
  assert.ok(!lacksDenort(said(`${download}Writing /cache/denort.zip: No space left on device`)));
  assert.ok(
    !lacksDenort(
      "error: Module not found; error sending request for url (https://host/)",
    ),
  );
});
