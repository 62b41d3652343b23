import assert from "node:assert/strict";
import { parseHeader, repeatedName } from "../../src/client/metadata.ts";

Deno.test("headers have names that gRPC leaves to applications, and ASCII values", () => {
  const valid: [text: string, name: string, value: string | Uint8Array][] = [
    ["x-a: b", "x-a", "b"],
    ["X-A:b c ", "x-a", "b c"],
    ["authorization: Bearer a:b", "authorization", "Bearer a:b"],
    ["x:", "x", ""],
    ["x-bin: AAEC/w==", "x-bin", new Uint8Array([0, 1, 2, 255])],
    ["x-bin: AAEC/w", "x-bin", new Uint8Array([0, 1, 2, 255])],
  ];
  for (const [text, name, value] of valid) assert.deepEqual(parseHeader(text), { name, value });
  const invalid = ["", "x", ": a", ":path: /", "x y: z", "x: é", "x: a\nb", "x-bin: A", "x-bin: ?"];
  for (
    const text of [...invalid, "grpc-timeout: 1S", "Content-Type: a", "te: a", "user-agent: a"]
  ) {
    assert.equal(parseHeader(text), undefined, text);
  }
});

Deno.test("a name of which servers take one value is told when it is there twice", () => {
  const repeated = (...names: string[]) => repeatedName(names.map((name) => ({ name, value: "" })));
  assert.equal(repeated("from", "x", "authorization", "x", "authorization"), "authorization");
  assert.equal(repeated("from", "authorization", "cookie", "cookie"), undefined);
});
