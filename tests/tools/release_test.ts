/** What a release says of itself: tag, version, changelog and workflow agree. */
import assert from "node:assert/strict";
import config from "../../deno.json" with { type: "json" };
import { root } from "../../tools/paths.ts";
import { programTest, usersvc } from "../support/program.ts";

programTest("the tag, deno.json, --version and the changelog name one version", async () => {
  const { releaseNotes } = await import("../../tools/release_notes.ts");
  const { stdout } = await usersvc(["--version"]);
  const version = /^usersvc (\d+\.\d+\.\d+) \(deno /.exec(stdout)![1]!;
  assert.equal(version, config.version);
  assert.match(await releaseNotes(`v${version}`), /^### \w+\n/);
  await assert.rejects(releaseNotes("v99.0.0"), {
    message: `the tag is v99.0.0, but deno.json's version is ${version}`,
  });
});

programTest(
  "the changelog's newest release is deno.json's version, or what comes after it",
  async () => {
    const changelog = await Deno.readTextFile(`${root}CHANGELOG.md`);
    const headings = [...changelog.matchAll(/^## (.*)$/gm)].map((match) => match[1]!);
    assert.equal(headings[0], "[Unreleased]");
    assert.ok(headings[1]!.startsWith(`[${config.version}] - `), `${headings[1]}`);
    for (const heading of headings.slice(1)) {
      assert.match(heading, /^\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d$/);
    }
    const kinds = [...changelog.matchAll(/^### (.*)$/gm)].map((match) => match[1]!);
    for (const kind of kinds) {
      assert.match(kind, /^(Added|Changed|Deprecated|Removed|Fixed|Security)$/);
    }
  },
);

programTest(
  "a section of the changelog ends where the next begins, and may not be empty",
  async () => {
    const { changelogSection } = await import("../../tools/release_notes.ts");
    const changelog = "# Changelog\n\n## [Unreleased]\n\n## [1.1.0] - 2027-01-01\n\n" +
      "### Fixed\n\n- this\n\n## [1.0.0] - 2026-12-01\n";
    assert.equal(changelogSection(changelog, "1.1.0"), "### Fixed\n\n- this");
    assert.throws(() => changelogSection(changelog, "1.0.0"), /says nothing of 1\.0\.0/);
    assert.throws(() => changelogSection(changelog, "1.0"), /no section "## \[1\.0\] - DATE"/);
  },
);

programTest("every workflow, task and image uses the one Deno", async () => {
  const files = ["README.md", "Dockerfile", ".ci/run"];
  for (const { name } of Deno.readDirSync(`${root}.github/workflows`)) {
    files.push(`.github/workflows/${name}`);
  }
  for (const file of files) {
    const text = await Deno.readTextFile(`${root}${file}`);
    const versions = [...text.matchAll(/deno[@:](\d+\.\d+\.\d+)/g)].map((match) => match[1]!);
    assert.deepEqual([...new Set(versions)], ["2.9.6"], file);
  }
});

programTest("the release publishes all four, and no secret is stored for it", async () => {
  const text = await Deno.readTextFile(`${root}.github/workflows/release.yml`);
  const published = [
    "npm publish ",
    "uses: pypa/gh-action-pypi-publish@",
    "push: true",
    "gh release create ",
  ];
  for (const way of published) assert.ok(text.includes(way), way);
  assert.match(text, /platforms: linux\/amd64,linux\/arm64$/m);
  assert.match(text, /provenance: mode=max\n +sbom: true$/m);
  assert.doesNotMatch(text, /\bsecrets\b/);
});
