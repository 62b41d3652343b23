import assert from "node:assert/strict";
import { parseTarget, withPort } from "../../src/client/target.ts";

Deno.test("addresses are host, host and port, or bracketed IPv6", () => {
  const valid: [string, string][] = [
    ["localhost", "localhost:50051"],
    ["localhost:1", "localhost:1"],
    ["127.0.0.1:65535", "127.0.0.1:65535"],
    ["[::1]", "[::1]:50051"],
    ["[::1]:2", "[::1]:2"],
    ["[fe80::1%eth0]:50051", "[fe80::1%eth0]:50051"],
    ["my_host.example.", "my_host.example.:50051"],
  ];
  for (const [text, name] of valid) assert.equal(parseTarget(text)?.name, name);
  assert.equal(withPort(parseTarget("[::1]:2")!, 3)?.name, "[::1]:3");
  const invalid = [
    "",
    ":50051",
    "50051",
    "a:",
    "a:0",
    "a:65536",
    "a:b",
    "::1",
    "::1:50051",
    "[::1",
    "[1]:2",
    "a b",
    "a/b:1",
    "http://a:1",
    "a:1:2",
    "a..b",
    "[]:1",
  ];
  for (const text of invalid) {
    assert.equal(parseTarget(text), undefined, text);
  }
});

Deno.test("target names are gRPC's: dns, unix, ipv4 and ipv6", () => {
  const valid: [text: string, name: string, host: string | undefined, balanced: boolean][] = [
    ["localhost", "localhost:50051", "localhost", false],
    ["dns:a.example", "a.example:50051", "a.example", true],
    ["dns:a.example:1", "a.example:1", "a.example", true],
    ["dns:///a.example:1", "a.example:1", "a.example", true],
    ["dns:[::1]:1", "[::1]:1", "::1", true],
    ["unix:/run/s", "unix:/run/s", "localhost", false],
    ["unix:///run/s", "unix:/run/s", "localhost", false],
    ["unix:s", "unix:s", "localhost", false],
    ["ipv4:10.0.0.1", "ipv4:10.0.0.1:50051", "10.0.0.1", true],
    ["ipv4:10.0.0.1:1,10.0.0.2", "ipv4:10.0.0.1:1,10.0.0.2:50051", undefined, true],
    ["ipv6:[::1]:1,[::2]", "ipv6:[::1]:1,[::2]:50051", undefined, true],
    ["ipv6:::1", "ipv6:[::1]:50051", "::1", true],
  ];
  for (const [text, name, host, balanced] of valid) {
    const target = parseTarget(text);
    assert.deepEqual([target?.name, target?.host, target?.balanced], [name, host, balanced], text);
  }
  assert.equal(withPort(parseTarget("ipv4:10.0.0.1:1")!, 2)?.name, "ipv4:10.0.0.1:2");
  for (const text of ["unix:/run/s", "ipv4:10.0.0.1:1,10.0.0.2:1"]) {
    assert.equal(withPort(parseTarget(text)!, 2), undefined, text);
  }
  const invalid = [
    "dns:",
    "dns:1",
    "dns://8.8.8.8/a",
    "dns:a/b",
    "unix:",
    "unix://a/b",
    "xds:///a",
    "ipv4:",
    "ipv4:a:1",
    "ipv4:256.0.0.1:1",
    "ipv4:10.0.0.1:1,",
    "ipv4:[::1]:1",
    "ipv6:10.0.0.1",
    "ipv6:[1:2]:3",
    "[:::]:1",
  ];
  for (const text of invalid) {
    assert.equal(parseTarget(text), undefined, text);
  }
});
