/** The function `serve` of the package for npm, in the runners of tests that are documented. */
import assert from "node:assert/strict";
import { root } from "../../tools/paths.ts";
import type { CommandLine } from "../../tools/programs.ts";
import { linuxTest } from "../support/program.ts";
import { until } from "../support/waits.ts";
import {
  checkNoneLeft,
  type Installed,
  installTarball,
  makeFolders,
  removeFolders,
  run,
  serversOf,
  spawn,
  writeExample,
} from "./installed.ts";

const deno = Deno.execPath();

const bun = `@oven/bun-linux-${Deno.build.arch === "x86_64" ? "x64" : "aarch64"}`;

/** What the documentation's tests need, a vitest that runs in Node 20, and Bun. */
const TOOLS = [
  ...["vitest@4.1.12", "@grpc/grpc-js@1.14.7", "@grpc/proto-loader@0.8.1"],
  `${bun}@1.4.5`,
];

/** The files of the tests here, and the names that they have there: vitest takes no other. */
const CASES = [
  ["end.mjs", "end.mjs"],
  ["end_in_vitest.mjs", "end.test.mjs"],
  ["members.mjs", "members.mjs"],
] as const;

linuxTest("the function serve of the package for npm", async (test) => {
  const folders = await makeFolders();
  // Programs run where it is installed, as tests do.
  const installed: Installed = { ...folders, empty: folders.folder, program: ["node"] };
  try {
    await installTarball(folders, ...TOOLS);
    for (const [name, copy] of CASES) {
      await Deno.copyFile(`${root}tests/packages/npm/${name}`, `${folders.folder}/${copy}`);
    }
    await writeExample(installed, "greet.mjs");
    const steps: readonly [string, (installed: Installed) => Promise<void>][] = [
      ["has types", checkTypes],
      ["runs the documented tests", checkExamples],
      ["gives what the documentation says", checkMembers],
      ["ends by itself, though its servers serve", checkOwnEnd],
      ["leaves no server behind however its process ends", checkEnds],
    ];
    for (const [name, check] of steps) await test.step(name, () => check(installed));
  } finally {
    await removeFolders(folders);
  }
});

/** The runners of tests, and how they say that one of a file has passed. */
const RUNNERS: readonly (readonly [file: string, line: CommandLine, passed: RegExp])[] = [
  ["greet.test.mjs", ["node", "--test"], /^# pass 2$/m],
  ["greet.test.ts", ["node_modules/.bin/vitest", "run"], /^ +Tests +1 passed/m],
  ["greet_test.ts", [deno, "test", "-A"], /^ok \| 1 passed/m],
];

async function checkTypes(installed: Installed): Promise<void> {
  const wrong = "wrong.ts";
  await Deno.writeTextFile(
    `${installed.empty}/${wrong}`,
    'import { serve } from "usersvc";\n' +
      "const server = await serve({ arg: [] });\nserver.port.trim();\n",
  );
  const { code, stderr } = await run({ ...installed, program: [deno, "check"] }, wrong);
  assert.equal(code, 1, stderr);
  assert.match(stderr, /'arg' does not exist in type 'ServeOptions'/);
  assert.match(stderr, /'trim' does not exist on type 'number'/);
}

async function checkExamples(installed: Installed): Promise<void> {
  for (const [file, program, passed] of RUNNERS) {
    await writeExample(installed, file);
    const env = { ...installed.env, NO_COLOR: "1" };
    const { code, stdout, stderr } = await run({ ...installed, env, program }, file);
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, passed);
    assert.deepEqual(await serversOf(installed), [], file);
  }
  const types = await run({ ...installed, program: [deno, "check"] }, "greet.test.ts");
  assert.equal(types.code, 0, types.stderr);
}

async function checkMembers(installed: Installed): Promise<void> {
  const env = {
    ...installed.env,
    TLS_CERT: `${root}tests/certs/server.pem`,
    TLS_KEY: `${root}tests/certs/server.key`,
  };
  const { code, stdout, stderr } = await run({ ...installed, env }, "--test", "members.mjs");
  assert.equal(code, 0, stdout + stderr);
  assert.deepEqual(await serversOf(installed), []);
}

/** How the programs are started that start servers. */
const PROGRAMS: readonly CommandLine[] = [
  ["node", "end.mjs"],
  [deno, "run", "-A", "end.mjs"],
  [`node_modules/${bun}/bin/bun`, "end.mjs"],
  ["node_modules/.bin/vitest", "run", "end.test.mjs"],
];

async function checkOwnEnd(installed: Installed): Promise<void> {
  const fork = 'require("node:child_process").fork("end.mjs")';
  for (const program of [...PROGRAMS.slice(0, 3), ["node", "-e", fork] as CommandLine]) {
    await checkEnd(installed, program, "its end");
  }
}

async function checkEnds(installed: Installed): Promise<void> {
  for (const program of PROGRAMS) {
    for (const how of ["process.exit", "an uncaught error"]) {
      await checkEnd(installed, program, how);
    }
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      await checkEnd(installed, program, signal, signal);
    }
  }
}

async function checkEnd(
  installed: Installed,
  program: CommandLine,
  how: string,
  signal?: Deno.Signal,
): Promise<void> {
  const ready = `${installed.env.HOME}/ready`;
  const env = { ...installed.env, READY: ready, HOW: how };
  const runner = spawn({ ...installed, env, program }, []);
  const output = runner.output();
  await until("two servers", () => Deno.stat(ready).then(() => true, () => false));
  if (signal !== undefined) runner.kill(signal);
  const { code } = await runner.status;
  if (how === "its end") assert.equal(code, 0);
  await checkNoneLeft(installed, `${program.join(" ")}: ${how}`);
  await output;
  await Deno.remove(ready);
}
