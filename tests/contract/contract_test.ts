import assert from "node:assert/strict";
import text from "../../proto/user_service.proto" with { type: "text" };
import { loadContract, protoText } from "../../src/contract/contract.ts";
import { posixTest, programTest, shell, shellCommand, usersvc } from "../support/program.ts";

Deno.test("the embedded contract is the file", () => {
  assert.equal(protoText, text);
});

programTest("proto prints the contract byte for byte", async () => {
  assert.deepEqual(await usersvc(["proto"]), { code: 0, stdout: text, stderr: "" });
});

programTest("the contract has one service with one unary call, and is parsed once", async () => {
  const first = await loadContract();
  assert.equal(await loadContract(), first);
  assert.deepEqual(Object.keys(first.UserService.service), ["GetUser"]);
  const { path, requestStream, responseStream } = first.UserService.service.GetUser;
  assert.deepEqual([path, requestStream, responseStream], [
    "/userservice.UserService/GetUser",
    false,
    false,
  ]);
});

posixTest("proto into a closed pipe is no error", async () => {
  const proto = shellCommand("proto");
  const piped = await shell(`set -o pipefail; ${proto} | head -1`);
  assert.deepEqual(piped, { code: 0, stdout: text.split("\n")[0] + "\n", stderr: "" });
  assert.deepEqual(await shell(`set -o pipefail; ${proto} | true`), {
    code: 0,
    stdout: "",
    stderr: "",
  });
});
