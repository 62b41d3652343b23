/** The workflows and the Dockerfile, as their linters see them. */
import assert from "node:assert/strict";
import { root } from "../../tools/paths.ts";
import { linuxTest, runProgram } from "../support/program.ts";
import { actionlint, hadolint, zizmor } from "./linters.ts";

const passed = { code: 0, stdout: "", stderr: "" };

linuxTest("actionlint finds nothing in the workflows", async () => {
  // shellcheck and pyflakes would be whatever version the machine has.
  const args = ["-shellcheck=", "-pyflakes=", "-no-color"];
  assert.deepEqual(await runProgram(await actionlint(), args, { cwd: root }), passed);
});

linuxTest("zizmor finds nothing in the workflows", async () => {
  // What it asks of GitHub's own servers, such as whether an action is archived, is left out.
  const args = ["--offline", "--no-progress", "--quiet", "--persona=regular", ".github/workflows"];
  const { code, stdout, stderr } = await runProgram(await zizmor(), args, { cwd: root });
  assert.equal(code, 0, stdout + stderr);
});

linuxTest("every action is pinned to a commit, and its version named beside it", async () => {
  for await (const { name } of Deno.readDir(`${root}.github/workflows`)) {
    const text = await Deno.readTextFile(`${root}.github/workflows/${name}`);
    const uses = text.split("\n").filter((line) => /\buses:/.test(line));
    assert.ok(uses.length > 0, name);
    for (const line of uses) {
      if (/uses: \.\//.test(line)) continue;
      assert.match(line, /uses: [\w/-]+@[\da-f]{40} # v\d+\.\d+\.\d+$/, name);
    }
  }
});

linuxTest("hadolint finds nothing in the Dockerfile", async () => {
  const args = ["--no-color", `${root}Dockerfile`];
  assert.deepEqual(await runProgram(await hadolint(), args), passed);
});
