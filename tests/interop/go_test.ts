/** Runs the example of docs/testing.md for Go as those who copy it do. */
import assert from "node:assert/strict";
import { python } from "../../tools/peers/grpc.ts";
import { goModule, goProgram } from "../support/go.ts";
import { posixTest, runProgram, shellCommand, withFolder } from "../support/program.ts";
import { allRecipes, exampleFile } from "../support/recipes.ts";

/** What the example has its reader type, but what makes the module. */
async function script(): Promise<string> {
  const recipe = (await allRecipes()).find(({ text }) => text.startsWith("go mod init "));
  return recipe!.text.replace(/^.*\n/, "");
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
      await writePrograms(`${folder}/bin`);
      await writeModule(folder);
      for (const name of ["answers.json", "client_test.go"]) {
        await Deno.writeTextFile(`${folder}/${name}`, await exampleFile(name));
      }
      const PATH = `${folder}/bin:${Deno.env.get("PATH")}`;
      const line = await script();
      const run = async (client: string) => {
        await Deno.writeTextFile(`${folder}/client.go`, client);
        return await runProgram("sh", ["-ec", line], { cwd: folder, env: { PATH } });
      };
      const client = await exampleFile("client.go");
      const { code, stdout, stderr } = await run(client);
      assert.equal(code, 0, stdout + stderr);
      assert.match(stdout, /^ok\s+example\.com\/client\t/m);
      const stubborn = await run(client.replace('["UNAVAILABLE"]', '["UNAVAILABLE", "NOT_FOUND"]'));
      assert.equal(stubborn.code, 1, stubborn.stdout);
      assert.match(stubborn.stdout, /: want one try, got [^]*^FAIL$/m);
    }),
);
