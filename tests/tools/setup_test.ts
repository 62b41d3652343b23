import assert from "node:assert/strict";
import { dirname } from "node:path";
import ignored from "../../.gitignore" with { type: "text" };
import config from "../../deno.json" with { type: "json" };
import lock from "../../deno.lock" with { type: "text" };
import standIn from "../../tools/stand_in/parse_args.ts" with { type: "text" };
import { root } from "../../tools/paths.ts";
import { programTest, type Result, runProgram, withFolder } from "../support/program.ts";

const STAND_IN = "tools/stand_in/parse_args.ts";

interface Lock {
  readonly specifiers: Readonly<Record<string, string>>;
  readonly jsr: unknown;
}

Deno.test("deno.lock names the real @std/cli", () => {
  const { specifiers, jsr }: Lock = JSON.parse(lock);
  assert.equal(config.imports["@std/cli"], "jsr:@std/cli@1.0.28");
  assert.equal(specifiers["jsr:@std/cli@1.0.28"], "1.0.28");
  assert.deepEqual(jsr, {
    "@std/cli@1.0.28": {
      integrity: "74ef9b976db59ca6b23a5283469c9072be6276853807a83ec6c7ce412135c70a",
    },
  });
});

Deno.test("vendor/, which the stand-in is put into, is git-ignored", () => {
  assert.ok(ignored.split(/\r?\n/).includes("/vendor/"), ignored);
});

setupTest("setup: without JSR a stand-in is put once, and it works", async (copy) => {
  assertReported(await copy.setup());
  assert.equal(await copy.installed(), standIn);
  assert.deepEqual(await copy.run("use.ts"), { code: 0, stdout: "function\n", stderr: "" });
  const before = await copy.writtenAt();
  assertSilent(await copy.setup());
  assert.deepEqual(await copy.writtenAt(), before);
});

setupTest("setup: the stand-in of another commit is replaced by this one's", async (copy) => {
  await copy.install(`${standIn}// of another commit\n`);
  assertSilent(await copy.setup());
  assert.equal(await copy.installed(), standIn);
  assert.equal((await copy.run("use.ts")).code, 0);
});

setupTest("setup: the real package is never touched", async (copy) => {
  await copy.install("export const real = true;\n");
  const before = await copy.contents();
  for (const args of [[], ["--fresh"]]) {
    assertSilent(await copy.setup(...args));
    assert.deepEqual(await copy.contents(), before);
  }
});

setupTest("setup --fresh: the stand-in stays while JSR is out of reach", async (copy) => {
  await copy.setup();
  assertReported(await copy.setup("--fresh"));
  assert.equal(await copy.installed(), standIn);
});

programTest("setup --fresh: the stand-in goes once JSR is in reach", async () => {
  let status = 503;
  const asked = new Set<string>();
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => {
      asked.add(new URL(request.url).pathname);
      return new Response(null, { status });
    },
  );
  await withCopy(`http://127.0.0.1:${server.addr.port}/jsr`, async (copy) => {
    assertReported(await copy.setup());
    status = 200;
    assertSilent(await copy.setup());
    assert.equal(await copy.installed(), standIn);
    for (const args of [["--fresh"], []]) {
      assertSilent(await copy.setup(...args));
      assert.equal(await copy.installed(), undefined);
    }
  });
  assert.deepEqual([...asked], ["/jsr/@std/cli/meta.json"]);
});

setupTest("setup: other arguments are refused", async (copy) => {
  for (const args of [["--frseh"], [""], ["--fresh", "--fresh"]]) {
    assert.deepEqual(await copy.setup(...args), {
      code: 2,
      stdout: "",
      stderr: "usage: deno task setup [--fresh]\n",
    });
  }
  assert.equal(await copy.installed(), undefined);
});

function assertSilent(result: Result): void {
  assert.deepEqual(result, { code: 0, stdout: "", stderr: "" });
}

function assertReported({ code, stdout, stderr }: Result): void {
  assert.deepEqual({ code, stdout }, { code: 0, stdout: "" });
  assert.match(stderr, /^setup: JSR is out of reach, .*stand-in.* deno task setup --fresh\n$/);
}

/** The address of a registry that refuses every connection. */
function closedRegistry(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return `http://127.0.0.1:${listener.addr.port}`;
}

/** A copy of what the setup needs, and nothing installed in it. */
interface Copy {
  /** Runs tools/setup.ts. */
  setup(...args: string[]): Promise<Result>;
  /** Runs a module of the copy. */
  run(...args: string[]): Promise<Result>;
  /** Puts a module where Deno keeps that of @std/cli. */
  install(source: string): Promise<void>;
  /** The installed module; undefined if there is none. */
  installed(): Promise<string | undefined>;
  /** The installed files: the module and what Deno needs beside it. */
  contents(): Promise<(string | undefined)[]>;
  /** When each installed file was written. */
  writtenAt(): Promise<unknown[]>;
}

function copyIn(folder: string, registry: string): Copy {
  const { host, pathname } = new URL(registry);
  const path = host.replace(":", "_") + pathname.replace(/\/$/, "");
  const package_ = `${folder}/vendor/http_${path}/@std/cli`;
  const module = `${package_}/1.0.28/parse_args.ts`;
  const ofEach = <T>(look: (file: string) => Promise<T>) =>
    Promise.all(
      [module, `${package_}/1.0.28_meta.json`, `${package_}/meta.json`].map((file) =>
        look(file).catch((error) => {
          if (!(error instanceof Deno.errors.NotFound)) throw error;
          return undefined;
        })
      ),
    );
  const contents = () => ofEach(Deno.readTextFile);
  const run = (...args: string[]) =>
    runProgram(Deno.execPath(), ["run", "-A", "--quiet", ...args], {
      cwd: folder,
      env: { JSR_URL: registry, NO_COLOR: "1", NO_PROXY: "127.0.0.1" },
    });
  return {
    run,
    setup: (...args) => run("tools/setup.ts", ...args),
    async install(source) {
      await Deno.mkdir(dirname(module), { recursive: true });
      await Deno.writeTextFile(module, source);
    },
    installed: async () => (await contents())[0],
    contents,
    writtenAt: () => ofEach(async (file) => (await Deno.stat(file)).mtime),
  };
}

/** A test of a copy where JSR is out of reach. */
function setupTest(name: string, use: (copy: Copy) => Promise<void>): void {
  programTest(name, () => withCopy(closedRegistry(), use));
}

/** Makes a copy for one test; whatever the test does, deno.lock must stay as it is. */
function withCopy(registry: string, use: (copy: Copy) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/tools/stand_in`, { recursive: true });
    for (const file of ["deno.json", "deno.lock", "tools/setup.ts", STAND_IN]) {
      await Deno.copyFile(root + file, `${folder}/${file}`);
    }
    await Deno.writeTextFile(
      `${folder}/use.ts`,
      'import { parseArgs } from "@std/cli/parse-args";\nconsole.log(typeof parseArgs);\n',
    );
    await use(copyIn(folder, registry));
    assert.equal(await Deno.readTextFile(`${folder}/deno.lock`), lock);
  });
}
