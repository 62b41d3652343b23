import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import ignored from "../../.gitignore" with { type: "text" };
import config from "../../deno.json" with { type: "json" };
import lock from "../../deno.lock" with { type: "text" };
import standIn from "../../tools/stand_in/parse_args.ts" with { type: "text" };
import { programTest, type Result } from "../support/program.ts";

const root = new URL("../..", import.meta.url);

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

programTest(
  "setup: without JSR a stand-in is put once, and it works",
  () =>
    withCopy(closedRegistry(), async (copy) => {
      assertReported(await copy.setup());
      assert.equal(await copy.installed(), standIn);
      assert.deepEqual(await copy.run("use.ts"), { code: 0, stdout: "function\n", stderr: "" });
      const before = await copy.writtenAt();
      assertSilent(await copy.setup());
      assert.deepEqual(await copy.writtenAt(), before);
    }),
);

programTest(
  "setup: the stand-in of another commit is replaced by this one's",
  () =>
    withCopy(closedRegistry(), async (copy) => {
      await copy.install(`${standIn}// of another commit\n`);
      assertSilent(await copy.setup());
      assert.equal(await copy.installed(), standIn);
      assert.equal((await copy.run("use.ts")).code, 0);
    }),
);

programTest(
  "setup: the real package is never touched",
  () =>
    withCopy(closedRegistry(), async (copy) => {
      await copy.install("export const real = true;\n");
      const before = await copy.contents();
      for (const args of [[], ["--fresh"]]) {
        assertSilent(await copy.setup(...args));
        assert.deepEqual(await copy.contents(), before);
      }
    }),
);

programTest(
  "setup --fresh: the stand-in stays while JSR is out of reach",
  () =>
    withCopy(closedRegistry(), async (copy) => {
      await copy.setup();
      assertReported(await copy.setup("--fresh"));
      assert.equal(await copy.installed(), standIn);
    }),
);

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

programTest("setup: other arguments are refused", () =>
  withCopy(closedRegistry(), async (copy) => {
    for (const args of [["--frseh"], [""], ["--fresh", "--fresh"]]) {
      assert.deepEqual(await copy.setup(...args), {
        code: 2,
        stdout: "",
        stderr: "usage: deno task setup [--fresh]\n",
      });
    }
    assert.equal(await copy.installed(), undefined);
  }));

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
class Copy {
  readonly #folder: URL;
  readonly #registry: string;
  readonly #module: URL;

  constructor(folder: URL, registry: string) {
    const { host, pathname } = new URL(registry);
    const path = host.replace(":", "_") + pathname.replace(/\/$/, "");
    this.#folder = folder;
    this.#registry = registry;
    this.#module = new URL(
      `vendor/http_${path}/@std/cli/1.0.28/parse_args.ts`,
      folder,
    );
  }

  /** Runs tools/setup.ts. */
  setup(...args: string[]): Promise<Result> {
    return this.run("tools/setup.ts", ...args);
  }

  async run(...args: string[]): Promise<Result> {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", ...args],
      cwd: this.#folder,
      stdin: "null",
      env: { JSR_URL: this.#registry, NO_COLOR: "1", NO_PROXY: "127.0.0.1" },
    }).output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)) as [
      string,
      string,
    ];
    return { code, stdout: out, stderr: err };
  }

  /** Puts a module where Deno keeps that of @std/cli. */
  async install(source: string): Promise<void> {
    await Deno.mkdir(new URL(".", this.#module), { recursive: true });
    await Deno.writeTextFile(this.#module, source);
  }

  /** The installed module; undefined if there is none. */
  async installed(): Promise<string | undefined> {
    return (await this.contents())[0];
  }

  /** The installed files: the module and what Deno needs beside it. */
  contents(): Promise<(string | undefined)[]> {
    return this.#ofEach(Deno.readTextFile);
  }

  /** When each installed file was written. */
  writtenAt(): Promise<unknown[]> {
    return this.#ofEach(async (file) => (await Deno.stat(file)).mtime);
  }

  #ofEach<T>(look: (file: URL) => Promise<T>): Promise<(T | undefined)[]> {
    const files = ["parse_args.ts", "../1.0.28_meta.json", "../meta.json"];
    return Promise.all(files.map(async (file) => {
      try {
        return await look(new URL(file, this.#module));
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return undefined;
        throw error;
      }
    }));
  }
}

/** Makes a copy for one test; whatever the test does, deno.lock must stay as it is. */
async function withCopy(registry: string, use: (copy: Copy) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempDir();
  const folder = pathToFileURL(`${path}/`);
  try {
    await Deno.mkdir(new URL("tools/stand_in/", folder), { recursive: true });
    for (
      const file of ["deno.json", "deno.lock", "tools/setup.ts", "tools/stand_in/parse_args.ts"]
    ) {
      await Deno.copyFile(new URL(file, root), new URL(file, folder));
    }
    await Deno.writeTextFile(
      new URL("use.ts", folder),
      `import { parseArgs } from "@std/cli/parse-args";\n` +
        `console.log(typeof parseArgs);\n`,
    );
    await use(new Copy(folder, registry));
    assert.equal(await Deno.readTextFile(new URL("deno.lock", folder)), lock);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}
