import assert from "node:assert/strict";
import { usernameFault } from "../../src/contract/username.ts";

Deno.test("usernames have 1 to 256 code points, not all blank", () => {
  for (const name of ["a", " a ", "😀".repeat(256), "x".repeat(256), "\u0000", "\u200b"]) {
    assert.equal(usernameFault(name), undefined);
  }
  assert.equal(usernameFault(""), "username is empty");
  for (const name of [" ", "\n\t ", "\u3000\u00a0"]) {
    assert.equal(usernameFault(name), "username is blank");
  }
  for (const name of ["x".repeat(257), "😀".repeat(257), "x".repeat(5_000_000)]) {
    assert.equal(usernameFault(name), "username is longer than 256 characters");
  }
});
