import assert from "node:assert/strict";
import { begin, end } from "../support/frames.ts";
import { withHttp2Server } from "../support/http2_server.ts";
import {
  linuxServeTest,
  posixServeTest,
  programTest,
  type Serve,
  serveTest,
  shell,
  shellCommand,
  shellOnTerminal,
  startUsersvc,
  usersvc,
} from "../support/program.ts";
import { greetings, names } from "../support/calls.ts";
import { MEASURED, runExamples } from "../support/examples.ts";

/** Runs `usersvc call` with this on its stdin. */
function callWith(input: string | Uint8Array<ArrayBuffer>, { port }: Serve, ...args: string[]) {
  return usersvc(["call", "--port", `${port}`, ...args], { input });
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

serveTest("several names are greeted in the order given, a line each", async ({ port }) => {
  const usernames = ["Alice", "Bob", "Иван Петров", "Alice"];
  assert.deepEqual(await usersvc(["call", ...usernames, "--port", `${port}`]), {
    code: 0,
    stdout: greetings(usernames),
    stderr: "",
  });
  const escaped = await usersvc(["call", "--port", `${port}`, "a\nb", "\x1b[2J"]);
  assert.equal(escaped.stdout, greetings(["a\\nb", "\\x1b[2J"]));
});

serveTest("names come from stdin or a file, whatever ends their lines", async (server) => {
  const inputs: [input: string, usernames: string[]][] = [
    ["", []],
    ["a", ["a"]],
    ["a\nb\n", ["a", "b"]],
    ["a\r\nb c \r\nd\r", ["a", "b c ", "d"]],
    ["\ufeffa\n\ufeffb", ["a", "\ufeffb"]],
    ["-\n--help\nИван\n", ["-", "--help", "Иван"]],
  ];
  const file = await Deno.makeTempFile();
  for (const [input, usernames] of inputs) {
    await Deno.writeTextFile(file, input);
    const greeted = { code: 0, stdout: greetings(usernames), stderr: "" };
    assert.deepEqual(await callWith(input, server, "-"), greeted);
    assert.deepEqual(await callWith("", server, "--file", file), greeted);
  }
  assert.equal((await callWith("a", server, "--file=-")).stdout, greetings(["a"]));
  await Deno.remove(file);
});

serveTest("a line that is empty or has a NUL is a name like others", async (server) => {
  assert.deepEqual(await callWith("a\n\nz\0\n", server, "-"), {
    code: 67,
    stdout: greetings(["a", "z\\x00"]),
    stderr: `usersvc call: "": INVALID_ARGUMENT from localhost:${server.port}: ` +
      "username is empty\n",
  });
});

serveTest("a line that cannot be read ends the batch after the calls before it", async (server) => {
  const file = await Deno.makeTempFile();
  for (
    const [line, fault] of [
      [Uint8Array.of(0x62, 0xff), "is not UTF-8; convert it first, as with iconv"],
      [encode("y".repeat((1 << 20) + 1)), "is longer than 1 MiB"],
    ] as const
  ) {
    const input = new Uint8Array([...encode("a\n\u{fffd}\r\n"), ...line, ...encode("\nc\n")]);
    await Deno.writeFile(file, input);
    const failed = (name: string) => ({
      code: 1,
      stdout: greetings(["a", "\u{fffd}"]),
      stderr: `usersvc call: cannot read ${name}: line 3 ${fault}\n`,
    });
    assert.deepEqual(await callWith(input, server, "-"), failed("stdin"));
    assert.deepEqual(await callWith("", server, "--file", file), failed(file));
  }
  await Deno.remove(file);
});

serveTest("a file in UTF-16 is not UTF-8, and none of it is sent", async (server) => {
  for (const littleEndian of [true, false]) {
    const names = utf16("\ufeffAlice\r\nBob\r\n", littleEndian);
    const { code, stdout, stderr } = await callWith(names, server, "-");
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /^usersvc call: cannot read stdin: line 1 is not UTF-8; [^\n]+\n$/);
  }
  // Nothing of it has reached the server.
  await callWith("last", server, "-");
  await server.stdout.until(/: last\n/);
  assert.doesNotMatch(server.stdout.text, /A|B/);
});

function utf16(text: string, littleEndian: boolean): Uint8Array<ArrayBuffer> {
  const bytes = new DataView(new ArrayBuffer(2 * text.length));
  for (let i = 0; i < text.length; i++) {
    bytes.setUint16(2 * i, text.charCodeAt(i), littleEndian);
  }
  return new Uint8Array(bytes.buffer);
}

serveTest("a file that cannot be read is an error in one line", async (server) => {
  for (
    const [file, reason] of [
      ["no\nsuch", "cannot read no\\nsuch: there is no such file"],
      [".", "cannot read .: it is a directory"],
    ] as const
  ) {
    assert.deepEqual(await callWith("", server, "--file", file), {
      code: 1,
      stdout: "",
      stderr: `usersvc call: ${reason}\n`,
    });
  }
});

posixServeTest(
  "names can be read from stdin by the names that the system has for it",
  async ({ port }) => {
    for (const file of ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"]) {
      const call = shellCommand(`call --file ${file} --port ${port}`);
      assert.deepEqual(
        await shell(`printf 'A\\nB\\n' | ${call}`),
        { code: 0, stdout: greetings(["A", "B"]), stderr: "" },
        file,
      );
    }
  },
);

serveTest("--json prints an object for each name and nothing else", async (server) => {
  const { code, stdout, stderr } = await callWith("a\n\n\x1b\n", server, "-", "--json");
  assert.deepEqual([code, stderr], [67, ""]);
  assert.ok(!stdout.includes("\x1b"));
  assert.deepEqual(stdout.trimEnd().split("\n").map((line) => JSON.parse(line)), [
    { username: "a", message: "Привет, a!" },
    {
      username: "",
      error: {
        code: "INVALID_ARGUMENT",
        number: 3,
        message: "username is empty",
        details: [{
          "@type": "type.googleapis.com/google.rpc.BadRequest",
          fieldViolations: [{ field: "username", description: "username is empty" }],
        }],
      },
    },
    { username: "\x1b", message: "Привет, \x1b!" },
  ]);
  assert.deepEqual(await usersvc(["call", "A", "--json", "--port", `${server.port}`]), {
    code: 0,
    stdout: '{"username":"A","message":"Привет, A!"}\n',
    stderr: "",
  });
});

serveTest(
  "results keep the order of the names when calls fail at random and late",
  async (server) => {
    const usernames = names(2_000);
    const input = usernames.join("\n");
    const json = await callWith(input, server, "-", "--json");
    const results = json.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(results.map(({ username }) => username), usernames);
    const failed = results.filter(({ error }) => error?.code === "UNAVAILABLE");
    assert.ok(failed.length > 400 && failed.length < 800, `${failed.length}`);
    assert.equal(json.code, 78);

    const text = await callWith(input, server, "-", "--concurrency", "7");
    assert.equal(text.code, 78);
    const of = (output: string, pattern: RegExp) =>
      [...output.matchAll(pattern)].map((match) => Number(match[1]));
    const greeted = of(text.stdout, /^Привет, n(\d+)!$/gm);
    const refused = of(text.stderr, /^usersvc call: "n(\d+)": UNAVAILABLE from [^\n]+$/gm);
    for (const some of [greeted, refused]) {
      assert.deepEqual(some, some.toSorted((a, b) => a - b));
    }
    assert.deepEqual([...greeted, ...refused].sort((a, b) => a - b), Array.from(usernames.keys()));
  },
  ["--delay", "2ms", "--fail", "UNAVAILABLE:0.3"],
);

posixServeTest(
  "messages and failures alternate as the names do where both are one file",
  async ({ port }) => {
    const call = shellCommand(`call a "" b "" "" c --port ${port}`);
    const lines = (await shell(`${call} 2>&1`)).stdout.trimEnd().split("\n");
    assert.deepEqual(
      lines.map((line) => /^Привет, (\w)!$/.exec(line)?.[1] ?? "failed"),
      ["a", "failed", "b", "failed", "failed", "c"],
    );
  },
);

linuxServeTest("what cannot be said on stderr keeps no result back", async ({ port }) => {
  for (const stderr of ["/dev/full", "&-", " >(exec true)"]) {
    const call = shellCommand(`call A "" B --concurrency 1 --port ${port}`);
    assert.deepEqual(
      await shell(`${call} 2>${stderr}`),
      { code: 67, stdout: greetings(["A", "B"]), stderr: "" },
      stderr,
    );
  }
});

linuxServeTest("results that cannot be written are an error, not a success", async ({ port }) => {
  for (const args of ["A", "A B", "A --json"]) {
    assert.deepEqual(
      await shell(`${shellCommand(`call ${args} --port ${port}`)} > /dev/full`),
      {
        code: 1,
        stdout: "",
        stderr: "usersvc call: cannot write the output: No space left on device (os error 28)\n",
      },
      args,
    );
  }
});

programTest(
  "a failure without a message has an empty one in JSON",
  () =>
    withHttp2Server(({ stream, send }) => send(begin(stream), end(stream, "5")), async (port) => {
      const args = ["call", "A", "--port", `${port}`];
      const { code, stdout } = await usersvc([...args, "--json"]);
      const { error } = JSON.parse(stdout);
      assert.deepEqual([code, error], [69, { code: "NOT_FOUND", number: 5, message: "" }]);
      assert.match((await usersvc(args)).stderr, /: no reason given\n$/);
    }),
);

posixServeTest(
  "the first failure of an endless input ends it with --fail-fast",
  async ({ port }) => {
    const call = shellCommand(`call - --fail-fast --port ${port}`);
    assert.deepEqual(await shell(`${call} < <(seq 300; echo; yes)`), {
      code: 67,
      stdout: greetings(Array.from({ length: 300 }, (_, index) => `${index + 1}`)),
      stderr: `usersvc call: "": INVALID_ARGUMENT from localhost:${port}: username is empty\n`,
    });
  },
);

posixServeTest("a reader that has read enough ends an endless input", async ({ port }) => {
  const call = shellCommand(`call - --port ${port}`);
  assert.deepEqual(await shell(`set -o pipefail; ${call} < <(yes) | head -n 1`), {
    code: 0,
    stdout: greetings(["y"]),
    stderr: "",
  });
});

posixServeTest(
  "results come while more names are awaited; a signal ends that",
  async ({ port }) => {
    for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
      const call = startUsersvc(["call", "-", "--port", `${port}`], { stdin: "piped" });
      for (const username of names(3)) {
        await call.feed(`${username}\n`);
        await call.stdout.until(new RegExp(`Привет, ${username}!\n`));
      }
      call.kill(signal);
      assert.deepEqual(await call.ended(), { code, stdout: greetings(names(3)), stderr: "" });
      await call.endInput();
    }
  },
);

posixServeTest("a signal does not wait for calls under way", async (server) => {
  const args = ["call", "a", "b", "--port", `${server.port}`, "--timeout", "1h"];
  const call = startUsersvc(args);
  // A call is logged when it arrives.
  await server.stdout.until(/: a\n[^]*: b\n/);
  call.kill("SIGINT");
  assert.deepEqual(await call.ended(), { code: 130, stdout: "", stderr: "" });
}, ["--delay", "1h", "--grace", "1ms"]);

posixServeTest(
  "a terminal shows the progress of a batch that lasts, and its latencies",
  async ({ port }) => {
    const call = shellCommand(`call - --concurrency 2 --port ${port}`);
    const input = "< <(seq 24)";
    const both = (await shellOnTerminal(`${call} ${input}`)).stdout;
    assert.match(both, /\[=+-+\] \d+ of 24 calls, 0 failed, \d+\/s, \d+s left/);
    // What the terminal shows of each line is what was written after the line was last cleared.
    const shown = both.split("\n").map((line) => line.slice(line.lastIndexOf("\x1b[K") + 1));
    for (let i = 1; i <= 24; i++) {
      assert.ok(shown.some((line) => line.endsWith(`Привет, ${i}!`)), `${i}`);
    }
    assert.match(
      both,
      /usersvc call: 24 calls in \d+\.\d s, 0 failed; latency p50 [\d.]+ ms, p95 [\d.]+ ms, p99 [\d.]+ ms\n/,
    );

    const unknown = await shellOnTerminal(`${call} < <(seq 12; sleep 2; seq 12) > /dev/null`);
    assert.match(unknown.stdout, /\r?12 calls, 0 failed, \d+\/s/);
    const quiet = await shellOnTerminal(`${call} ${input} --quiet`);
    assert.equal(quiet.stdout, greetings(Array.from({ length: 24 }, (_, i) => `${i + 1}`)));
    const piped = await shellOnTerminal(`${call} ${input} 2> >(cat)`);
    assert.equal(piped.stdout, quiet.stdout);
  },
  ["--delay", "150ms"],
);

posixServeTest("the examples of its help work as they are", async ({ port }) => {
  // tests/timing/ has those whose outcome depends on how fast the machine is.
  await runExamples(port, ({ command }) => !MEASURED.test(command));
});
