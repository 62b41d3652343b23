import assert from "node:assert/strict";
import { posixTest, withFolder, withServe } from "../support/program.ts";

/** A file of answers that takes so many megabytes, in a process that has read it. */
function largeAnswers(megabytes: number): string {
  const message = "x".repeat(2 ** 20);
  return JSON.stringify(
    Object.fromEntries(Array.from({ length: megabytes }, (_, at) => [`name ${at}`, { message }])),
  );
}

posixTest(
  "a single process that passes 512 MB says once what the remedy is",
  () =>
    withFolder(async (folder) => {
      const answers = `${folder}/answers.json`;
      await Deno.writeTextFile(answers, "{}");
      await withServe(async ({ stderr, kill, ended }) => {
        const reload = async (times: number) => {
          kill("SIGHUP");
          await stderr.until(new RegExp(`(?:use the new file of answers[^]*){${times}}`));
        };
        await reload(1);
        assert.doesNotMatch(stderr.text, /this process uses/);
        await Deno.writeTextFile(answers, largeAnswers(250));
        await reload(2);
        const [, used] = await stderr.until(
          /^usersvc serve: this process uses (\d+) MB, .* --workers replaces processes that grow\n/m,
        );
        assert.ok(Number(used) >= 512);
        // It takes some seconds, in which it could be said again.
        await reload(3);
        kill("SIGTERM");
        assert.equal((await ended()).stderr.match(/this process uses/g)?.length, 1);
      }, ["--answers", answers]);
    }),
);
