/** The action for GitHub, its step run as a runner does, with the package for npm that is here. */
import assert from "node:assert/strict";
import { kill as sendSignal } from "node:process";
import { root } from "../../tools/paths.ts";
import { oneCall } from "../support/one_call.ts";
import { linuxTest, type Result, runProgram, withFolder } from "../support/program.ts";
import { marked } from "../support/recipes.ts";
import { until } from "../support/waits.ts";
import { packagePath } from "./installed.ts";

/** The shell of its only step. */
async function script(): Promise<string> {
  const action = await Deno.readTextFile(`${root}action.yml`);
  const [, indented] = /^ {6}run: \|.*\n((?: {8}.*\n)+)$/m.exec(action)!;
  return indented!.replace(/^ {8}/gm, "");
}

/** A job: its step, what that has put out, and the end of all that it has started. */
interface Job {
  readonly step: Result;
  readonly outputs: Record<string, string>;
  /** Kills the processes that have the job's id in their environment, as a runner does. */
  end(): Promise<void>;
}

async function withJob(flags: string, use: (job: Job) => Promise<void>): Promise<void> {
  const job = `job-${crypto.randomUUID()}`;
  const end = async () => {
    for (const pid of await marked(job)) sendSignal(pid, "SIGKILL");
  };
  await withFolder(async (folder) => {
    const env = {
      RUNNER_TRACKING_ID: job,
      RUNNER_TEMP: folder,
      // A server that is killed leaves the contract there.
      TMPDIR: folder,
      GITHUB_OUTPUT: `${folder}/outputs`,
      GITHUB_ACTION_PATH: root,
      VERSION: `file:${await packagePath("npm", ".tgz")}`,
      FLAGS: flags,
    };
    await Deno.writeTextFile(`${folder}/script`, await script());
    await Deno.writeTextFile(env.GITHUB_OUTPUT, "");
    try {
      const args = ["--noprofile", "--norc", "-e", "-o", "pipefail", `${folder}/script`];
      const step = await runProgram("bash", args, { cwd: folder, env });
      const outputs = await Deno.readTextFile(env.GITHUB_OUTPUT);
      const pairs = outputs.split("\n").slice(0, -1).map((line) => line.split("=", 2));
      await use({ step, outputs: Object.fromEntries(pairs), end });
    } finally {
      await end();
    }
  });
}

linuxTest(
  "the action serves after its step, until the job ends",
  () =>
    withJob("--record 10\n  --log json", async ({ step, outputs, end }) => {
      assert.equal(step.code, 0, step.stdout + step.stderr);
      const { address, port, proto, log } = outputs;
      assert.equal(address, `127.0.0.1:${port}`);
      assert.match(await Deno.readTextFile(proto!), /^service UserService /m);
      assert.equal(await oneCall(Number(port)), "answered");
      const calls = await fetch(`http://${address}/calls`);
      assert.equal((await calls.text()).trim().split("\n").length, 1);
      assert.match(await Deno.readTextFile(log!), /"event":"listening"/);
      await end();
      await until("nobody serves", () => oneCall(Number(port)).then((said) => said !== "answered"));
    }),
);

linuxTest(
  "the action fails with the words of a server that does not start",
  () =>
    withJob("--prot 1", ({ step, outputs }) => {
      assert.equal(step.code, 1);
      assert.match(step.stdout, /^usersvc serve: unknown flag --prot .*\n::error::.*\n$/m);
      assert.deepEqual(outputs, {});
      return Promise.resolve();
    }),
);
