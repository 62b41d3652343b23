/** Runs the example of docs/testing.md for Go as those who copy it do. */
import assert from "node:assert/strict";
import { python } from "../../tools/peers/grpc.ts";
import { root } from "../../tools/paths.ts";
import { goModule, goProgram } from "../support/go.ts";
import { posixTest, runProgram, shellCommand, withFolder } from "../support/program.ts";

/** The blocks of the example in a language. */
async function blocks(language: string): Promise<string[]> {
  const page = await Deno.readTextFile(`${root}docs/testing.md`);
  const section = /^## With Go\n([^]*?)^## /m.exec(page)![1]!;
  const fence = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "gm");
  return [...section.matchAll(fence)].map((match) => match[1]!);
}

/** Writes programs that are found by their names, each as a script. */
async function writePrograms(folder: string): Promise<void> {
  const programs = {
    usersvc: shellCommand('"$@"'),
    protoc: `${await python()} -m grpc_tools.protoc --proto_path=. "$@"`,
    "protoc-gen-go": await goProgram("google.golang.org/protobuf/cmd/protoc-gen-go"),
    "protoc-gen-go-grpc": await goProgram("google.golang.org/grpc/cmd/protoc-gen-go-grpc"),
  };
  await Deno.mkdir(folder);
  for (const [name, line] of Object.entries(programs)) {
    await Deno.writeTextFile(`${folder}/${name}`, `#!/bin/sh\nexec ${line}\n`, { mode: 0o755 });
  }
}

/** Writes what `go mod init` and `go get` make, with the versions that the tests have. */
async function writeModule(folder: string): Promise<void> {
  const module = await Deno.readTextFile(`${goModule}/go.mod`);
  const renamed = module.replace(/^module .*$/m, "module example.com/client");
  await Deno.writeTextFile(`${folder}/go.mod`, renamed);
  await Deno.copyFile(`${goModule}/go.sum`, `${folder}/go.sum`);
}

posixTest(
  "the example for Go passes, and fails where the client is another",
  () =>
    withFolder(async (folder) => {
      const [answers] = await blocks("json");
      const [client, clientTest] = await blocks("go");
      const script = (await blocks("sh"))[0]!.replace(/^go mod init .*\n/, "");
      await writePrograms(`${folder}/bin`);
      await writeModule(folder);
      await Deno.writeTextFile(`${folder}/answers.json`, answers!);
      await Deno.writeTextFile(`${folder}/client_test.go`, clientTest!);
      const run = async (source: string) => {
        await Deno.writeTextFile(`${folder}/client.go`, source);
        const PATH = `${folder}/bin:${Deno.env.get("PATH")}`;
        return await runProgram("sh", ["-ec", script], { cwd: folder, env: { PATH } });
      };
      const { code, stdout, stderr } = await run(client!);
      assert.equal(code, 0, stdout + stderr);
      assert.match(stdout, /^ok\s+example\.com\/client\t/m);
      const hasty = await run(
        client!.replace('"initialBackoff": "0.1s"', '"initialBackoff": "0.01s"'),
      );
      assert.equal(hasty.code, 1, hasty.stdout);
      assert.match(hasty.stdout, /: try 2 came after only \d[^]*^FAIL$/m);
    }),
);
