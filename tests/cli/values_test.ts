import assert from "node:assert/strict";
import { PORT, PORT_OR_FREE } from "../../src/cli/values.ts";
import { parseHeader } from "../../src/client/metadata.ts";
import { parseTarget, withPort } from "../../src/client/target.ts";
import { usernameFault } from "../../src/contract/username.ts";
import { DURATION, DURATION_OR_NONE, RATE } from "../../src/commands/value_ranges.ts";

const { parse: parseDuration } = DURATION;
const { parse: parsePort } = PORT;
const { parse: parsePortOrFree } = PORT_OR_FREE;

Deno.test("durations have a unit and lie between 1ms and 24h", () => {
  const valid: [string, number][] = [
    ["1ms", 1],
    ["500ms", 500],
    ["2s", 2_000],
    ["1.5s", 1_500],
    ["1m", 60_000],
    ["24h", 86_400_000],
  ];
  for (const [text, ms] of valid) assert.equal(parseDuration(text), ms, text);
  for (
    const text of ["", "10", "0s", "0.5ms", "25h", "-1s", "1 s", "1S", "1d", "s", "1e3s", "１s"]
  ) {
    assert.equal(parseDuration(text), undefined, text);
  }
});

Deno.test("durations and rates begin at zero where that means something", () => {
  for (const text of ["0", "0s", "0ms"]) {
    assert.equal(DURATION_OR_NONE.parse(text), 0);
    assert.equal(parseDuration(text), undefined);
  }
  assert.match(DURATION_OR_NONE.expects, /from 0 to 24h/);
  assert.deepEqual(["0.5", "0.001", "10000"].map(RATE.parse), [0.5, 0.001, 10_000]);
  for (const text of ["0", "0.0001", "10000.1", "1e3", ".5", "-1", ""]) {
    assert.equal(RATE.parse(text), undefined, text);
  }
});

Deno.test("ports are whole numbers in range", () => {
  for (const text of ["1", "50051", "65535"]) {
    assert.equal(parsePort(text), Number(text));
  }
  assert.equal(parsePort("0"), undefined);
  assert.equal(parsePortOrFree("0"), 0);
  for (const text of ["", "-1", "65536", "1e3", "0x10", "50051 ", "1.5", "abc", "999999"]) {
    assert.equal(parsePort(text), undefined, text);
    assert.equal(parsePortOrFree(text), undefined, text);
  }
});

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
  ];
  for (
    const text of [
      ...invalid,
      "[1]:2",
      "a b",
      "a/b:1",
      "http://a:1",
      "a:1:2",
      "a..b",
      "[]:1",
    ]
  ) {
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
  ];
  for (
    const text of [
      ...invalid,
      "ipv4:",
      "ipv4:a:1",
      "ipv4:256.0.0.1:1",
      "ipv4:10.0.0.1:1,",
      "ipv4:[::1]:1",
      "ipv6:10.0.0.1",
      "ipv6:[1:2]:3",
      "[:::]:1",
    ]
  ) {
    assert.equal(parseTarget(text), undefined, text);
  }
});

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
