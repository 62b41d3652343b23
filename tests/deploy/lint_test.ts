/** The workflows, the action and the Dockerfile, as their linters see them. */
import assert from "node:assert/strict";
import { root } from "../../tools/paths.ts";
import { linuxTest, runProgram, withFolder } from "../support/program.ts";
import { exampleFile } from "../support/recipes.ts";
import { actionlint, hadolint, zizmor } from "./linters.ts";

const passed = { code: 0, stdout: "", stderr: "" };

/** Has actionlint look at the workflows of a repository, and the actions there that they use. */
async function lintWorkflows(cwd: string) {
  // shellcheck and pyflakes would be whatever version the machine has.
  const args = ["-shellcheck=", "-pyflakes=", "-no-color"];
  return await runProgram(await actionlint(), args, { cwd });
}

linuxTest("actionlint finds nothing in the workflows", async () => {
  assert.deepEqual(await lintWorkflows(root), passed);
});

linuxTest(
  "actionlint finds nothing in the action, as the documents use it",
  () =>
    withFolder(async (folder) => {
      // This makes it a repository.
      await Deno.mkdir(`${folder}/.git`);
      await Deno.mkdir(`${folder}/.github/workflows`, { recursive: true });
      await Deno.copyFile(`${root}action.yml`, `${folder}/action.yml`);
      const workflow = (await exampleFile(".github/workflows/test.yml"))
        .replace(/OWNER\/usersvc@\S+/, "./");
      const lint = async (text: string) => {
        await Deno.writeTextFile(`${folder}/.github/workflows/test.yml`, text);
        return await lintWorkflows(folder);
      };
      assert.deepEqual(await lint(workflow), passed);
      const { code, stdout } = await lint(workflow.replace("flags:", "options:"));
      assert.equal(code, 1);
      assert.match(stdout, /input "options" is not defined in action "usersvc"/);
    }),
);

linuxTest("zizmor finds nothing in the workflows and the action", async () => {
  // What it asks of GitHub's own servers, such as whether an action is archived, is left out.
  const args = ["--offline", "--no-progress", "--quiet", "--persona=regular"];
  const { code, stdout, stderr } = await runProgram(
    await zizmor(),
    [...args, ".github/workflows", "action.yml"],
    { cwd: root },
  );
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
