/** The programs of docs/testing.md that ask for the calls: each does what it says, in its language. */
import assert from "node:assert/strict";
import { python } from "../../tools/peers/grpc.ts";
import { root } from "../../tools/paths.ts";
import { run } from "../../tools/programs.ts";
import { posixTest, usersvc, withFolder, withServe } from "../support/program.ts";

/** Each language of a program, the name of its file, and what runs it. */
const LANGUAGES: Record<string, [file: string, command: () => Promise<[string, ...string[]]>]> = {
  python: ["calls.py", async () => [await python()]],
  ts: ["calls.ts", () => Promise.resolve([Deno.execPath(), "run", "--allow-net", "--allow-env"])],
};

/** The program in a language that asks for the calls of "Flaky". */
async function programIn(language: string): Promise<string> {
  const text = await Deno.readTextFile(`${root}docs/testing.md`);
  const blocks = [...text.matchAll(/^```(\w+)\n([^]*?)^```$/gm)];
  const programs = blocks.filter(([block, name]) => name === language && /\bFlaky\b/.test(block));
  assert.equal(programs.length, 1, language);
  return programs[0]![2]!;
}

const REFUSED = { code: "UNAVAILABLE", pushback: 150 };
const ANSWERS = JSON.stringify({ "Flaky": [REFUSED, REFUSED, {}] });

for (const [language, [file, command]] of Object.entries(LANGUAGES)) {
  posixTest(
    `the ${language} of the documents counts the tries of a client`,
    () =>
      withFolder(async (folder) => {
        await Deno.writeTextFile(`${folder}/${file}`, await programIn(language));
        await Deno.writeTextFile(`${folder}/answers.json`, ANSWERS);
        const program = await command();
        /** What the program makes of a client that tries so often; nobody else has tried before. */
        const runAfter = (retries: number) =>
          withServe(async ({ port }) => {
            await usersvc(["call", "Flaky", "--port", `${port}`, "--retries", `${retries}`]);
            const env = { USERSVC_ADDRESS: `127.0.0.1:${port}` };
            return await run(program, [`${folder}/${file}`], { env });
          }, ["--answers", `${folder}/answers.json`, "--record", "100"]);
        const { code, stderr } = await runAfter(3);
        assert.equal(code, 0, stderr);
        assert.notEqual((await runAfter(1)).code, 0, "it was tried twice");
      }),
  );
}
