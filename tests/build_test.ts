import assert from "node:assert/strict";
import { root } from "../tools/paths.ts";
import { programTest } from "./program.ts";

/** Copies what a build needs, so that a test does not replace the ./usersvc of the checkout. */
async function copyCheckout(): Promise<string> {
  const copy = await Deno.makeTempDir({ prefix: "usersvc-build-" });
  for (
    const name of ["deno.json", "deno.lock", "proto", "src", "tools", "vendor"]
  ) {
    await copyTree(`${root}${name}`, `${copy}/${name}`);
  }
  return copy;
}

async function copyTree(from: string, to: string): Promise<void> {
  if (!(await Deno.stat(from)).isDirectory) {
    return await Deno.copyFile(from, to);
  }
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) {
    await copyTree(`${from}/${name}`, `${to}/${name}`);
  }
}

async function run(
  program: string,
  args: string[],
  env: Record<string, string> = {},
) {
  const command = new Deno.Command(program, {
    args,
    env: { NO_COLOR: "1", ...env },
  });
  const { code, stdout, stderr } = await command.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).replaceAll("\r", "");
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

programTest(
  "the demo builds ./usersvc and shows both sides of a call",
  async () => {
    const copy = await copyCheckout();
    try {
      const demo = await run(Deno.execPath(), [
        "run",
        "-A",
        `${copy}/tools/demo.ts`,
      ]);
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
      assert.match(
        (await run(built, ["--version"])).stdout,
        /^usersvc \d+\.\d+\.\d+ \(deno /,
      );
      assert.equal((await run(built, ["call"])).code, 2);
      // Built a second time, it replaces what is there.
      const again = await run(Deno.execPath(), [
        "run",
        "-A",
        `${copy}/tools/build.ts`,
      ]);
      assert.equal(again.code, 0, again.stderr);
    } finally {
      await Deno.remove(copy, { recursive: true });
    }
  },
);

programTest(
  "a failure of deno compile is an error, not a launcher",
  async () => {
    const copy = await copyCheckout();
    try {
      const build = ["run", "-A", `${copy}/tools/build.ts`];
      const noRuntime = await run(Deno.execPath(), build, {
        DENORT_BIN: `${copy}/no-such-file`,
      });
      assert.equal(noRuntime.code, 1);
      assert.match(
        noRuntime.stderr,
        /^build: deno compile failed:\n[^]*no-such-file/,
      );
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
  },
);

programTest("only a download that failed makes the build fall back to a launcher", async () => {
  const { lacksDenort } = await import("../tools/build.ts");
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
  assert.ok(
    !lacksDenort(
      said(`${download}Writing /cache/denort.zip: No space left on device`),
    ),
  );
  assert.ok(
    !lacksDenort(
      "error: Module not found; error sending request for url (https://host/)",
    ),
  );
});
