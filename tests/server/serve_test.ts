import assert from "node:assert/strict";
import { posixServeTest, programTest, type Serve, serveTest, usersvc } from "../support/program.ts";

function received(name: string): string {
  return `Получен запрос к методу GetUser от пользователя: ${name}\n`;
}

async function call(server: Serve, name: string, host = "localhost") {
  return await usersvc(["call", "--address", `${host}:${server.port}`, "--", name]);
}

posixServeTest("serve and call say the tutorial's strings to the byte", async (server) => {
  assert.deepEqual(await call(server, "Alice"), {
    code: 0,
    stdout: "Привет, Alice!\n",
    stderr: "",
  });
  server.kill("SIGTERM");
  assert.deepEqual(await server.ended(), {
    code: 0,
    stdout: `gRPC сервер запущен на порту ${server.port}...\n` +
      received("Alice"),
    stderr: "usersvc serve: SIGTERM: draining, calls in flight have 10 s to finish\n" +
      "usersvc serve: drained, every call has finished\n",
  });
});

serveTest("by default serve answers on IPv4 and IPv6", async (server) => {
  for (const host of ["127.0.0.1", "[::1]", "localhost"]) {
    assert.equal((await call(server, "Alice", host)).stdout, "Привет, Alice!\n", host);
  }
});

serveTest("--host limits serve to one address", async (server) => {
  assert.equal((await call(server, "Alice", "127.0.0.1")).code, 0);
  assert.equal((await call(server, "Alice", "[::1]")).code, 78);
}, ["--host", "127.0.0.1"]);

posixServeTest("names are greeted unchanged and logged escaped", async (server) => {
  const names: [name: string, logged: string][] = [
    ["Иван Петров", "Иван Петров"],
    ["👩‍👩‍👧 😀", "👩‍👩‍👧 😀"],
    ["שלום مرحبا", "שלום مرحبا"],
    ["😀".repeat(256), "😀".repeat(256)],
    ["a\nПолучен запрос\r\t\x1b[2J\x7f", "a\\nПолучен запрос\\r\\t\\x1b[2J\\x7f"],
    ["\u202eabc\u2028", "\\u202eabc\\u2028"],
    [" x ", " x "],
    ["007", "007"],
    ["--help", "--help"],
    ["a\\b", "a\\b"],
  ];
  for (const [name] of names) {
    assert.deepEqual(await call(server, name), {
      code: 0,
      stdout: `Привет, ${name}!\n`,
      stderr: "",
    });
  }
  server.kill("SIGTERM");
  const { stdout } = await server.ended();
  const log = stdout.slice(stdout.indexOf("\n") + 1);
  assert.equal(log, names.map(([, logged]) => received(logged)).join(""));
});

serveTest(
  "a name that cannot be greeted is INVALID_ARGUMENT, and the log says which",
  async (server) => {
    const refused: [name: string, shown: string, fault: string][] = [
      ["", "", "username is empty"],
      [" \t\n", " \\t\\n", "username is blank"],
      ["x".repeat(257), "x".repeat(60) + "...", "username is longer than 256 characters"],
      ["😀".repeat(257), "😀".repeat(60) + "...", "username is longer than 256 characters"],
    ];
    for (const [name, shown, fault] of refused) {
      assert.deepEqual(await call(server, name), {
        code: 67,
        stdout: "",
        stderr: `usersvc call: INVALID_ARGUMENT from localhost:${server.port}: ${fault}\n`,
      });
      const literal = shown.replace(/[\\.]/g, "\\$&");
      await server.stderr.until(
        new RegExp(
          `refused GetUser of "${literal}" from 127\\.0\\.0\\.1:\\d+: INVALID_ARGUMENT: ${fault}\\n$`,
        ),
      );
    }
    assert.equal((await call(server, "Alice")).stdout, "Привет, Alice!\n");
  },
);

serveTest("a port in use is one line that names it, exit code 1", async (server) => {
  assert.deepEqual(await usersvc(["serve", "--port", `${server.port}`]), {
    code: 1,
    stdout: "",
    stderr: `usersvc serve: cannot listen on [::]:${server.port}: the port is in use; stop the ` +
      "program that uses it, choose another with --port, or take a free one with --port 0\n",
  });
});

programTest(
  "a host that cannot be listened on is one line that names it, exit code 1",
  async () => {
    const hosts: [host: string, reason: RegExp][] = [
      ["no-such-host.invalid", /: unknown host; give --host an address of this machine, /],
      ["192.0.2.1", /: not an address of this machine; give --host one that is, /],
    ];
    for (const [host, reason] of hosts) {
      const { code, stdout, stderr } = await usersvc(["serve", "--port", "0", "--host", host]);
      assert.deepEqual([code, stdout], [1, ""], stderr);
      assert.ok(stderr.startsWith(`usersvc serve: cannot listen on ${host}:0: `), stderr);
      assert.match(stderr, reason);
      assert.match(stderr, /^[^\n]+\n$/);
    }
  },
);
