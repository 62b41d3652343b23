/** `serve -- COMMAND`: a server that lives as long as a command runs. */
import assert from "node:assert/strict";
import { openChildCommand } from "../../src/processes/child_command.ts";
import { fileURLToPath } from "node:url";
import { root } from "../../tools/paths.ts";
import { sourcePermissionFlags } from "../../tools/run_flags.ts";
import { STARTED } from "../../tools/programs.ts";
import {
  linuxTest,
  posixTest,
  runProgram,
  shellCommand,
  startUsersvc,
  usersvc,
  withFolder,
} from "../support/program.ts";
import { oneCall } from "../support/one_call.ts";
import { finishCall, goaway, openSession, roundTrip, startCall } from "../support/raw_client.ts";
import { withTerminal } from "../support/terminal.ts";
import { inTime } from "../support/waits.ts";
import { started, TWO } from "../support/workers.ts";

const FORMS = [[], TWO];

/** Runs a line of shell as the command of a server, to the end of both. */
function serveWhile(line: string, flags: readonly string[] = [], env: Record<string, string> = {}) {
  return usersvc(["serve", ...flags, "--", "sh", "-c", line], { env });
}

/** Starts one whose stdin this process holds, and waits until calls are accepted. */
async function startWhile(line: string, flags: readonly string[] = []) {
  const server = startUsersvc(["serve", ...flags, "--", "bash", "-c", line], { stdin: "piped" });
  const [, text, json] = await server.stderr.until(new RegExp(STARTED.source, "m"));
  return { ...server, port: Number(text ?? json) };
}

/** Starts a call on a connection of its own. */
async function callInFlight(port: number) {
  const session = await openSession(port);
  const stream = startCall(session);
  stream.on("error", () => {});
  await roundTrip(session);
  return { stream, heard: goaway(session) };
}

for (const flags of FORMS) {
  posixTest(`the command has stdout, and knows the server: ${flags.join(" ")}`, async () => {
    const tell = 'echo "$USERSVC_ADDRESS $USERSVC_PORT $USERSVC_PROTO"; cat "$USERSVC_PROTO"';
    const { code, stdout, stderr } = await serveWhile(tell, flags);
    assert.equal(code, 0);
    const [, port, path, proto] = /^127\.0\.0\.1:(\d+) \1 (\S+)\n([^]*)$/.exec(stdout)!;
    assert.equal(proto, (await usersvc(["proto"])).stdout);
    assert.match(path!, /\/user_service\.proto$/);
    await assert.rejects(Deno.stat(path!.replace(/\/[^/]*$/, "")), Deno.errors.NotFound);
    assert.match(stderr, new RegExp(`^gRPC сервер запущен на порту ${port}\\.\\.\\.\n`, "m"));
    assert.match(stderr, /: the command has ended \(exit code 0\): draining, [^]*: drained, /);
  });

  posixTest(`it can call at once, and its exit code is the program's: ${flags}`, async () => {
    const call = shellCommand('call Alice --address "$USERSVC_ADDRESS"');
    const { code, stdout } = await serveWhile(`${call}; exit 3`, [...flags, "--log", "json"]);
    assert.deepEqual({ code, stdout }, { code: 3, stdout: "Привет, Alice!\n" });
  });
}

posixTest("a command that a signal has ended gives 128 and its number", async () => {
  const { code, stderr } = await serveWhile("kill -KILL $$");
  assert.equal(code, 128 + 9);
  assert.match(stderr, /: the command has ended \(SIGKILL\): draining/);
});

posixTest("with --log none only the command says anything", async () => {
  const { code, stdout, stderr } = await serveWhile("echo out; echo err >&2", ["--log", "none"]);
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "out\n", stderr: "err\n" });
});

posixTest("it has the whole environment and stdin of the program", async () => {
  const env = { ONLY_FOR_THE_COMMAND: "whatever usersvc may read" };
  const line = 'cat; echo "$ONLY_FOR_THE_COMMAND"';
  const args = ["serve", "--", "sh", "-c", line];
  const { stdout } = await usersvc(args, { env, input: "typed\n" });
  assert.equal(stdout, "typed\nwhatever usersvc may read\n");
});

posixTest(
  "a socket file alone is the address, and there is no port",
  () =>
    withFolder(async (folder) => {
      const flags = ["--unix", `${folder}/socket`];
      const { stdout } = await serveWhile('echo "$USERSVC_ADDRESS ${USERSVC_PORT-none}"', flags);
      assert.equal(stdout, `unix:${folder}/socket none\n`);
    }),
);

posixTest(
  "it has the DENO_DIR that was there before the launcher or a package set another",
  async () => {
    const tell = 'echo "${DENO_DIR-none} ${USERSVC_GIVEN_DENO_DIR-none}"';
    for (const [given, has] of [["", "none"], ["/its own", "/its own"]] as const) {
      const { stdout } = await serveWhile(tell, [], { USERSVC_GIVEN_DENO_DIR: given });
      assert.equal(stdout, `${has} none\n`);
    }
  },
);

posixTest("every address of the machine is 127.0.0.1 for the command", async () => {
  for (const host of ["::", "0.0.0.0"]) {
    const { stdout } = await serveWhile('echo "$USERSVC_ADDRESS"', ["--host", host]);
    assert.match(stdout, /^127\.0\.0\.1:\d+\n$/, host);
  }
});

posixTest("a server that cannot start never runs it", () =>
  withFolder(async (folder) => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const flags = ["--port", `${listener.addr.port}`];
    for (const form of FORMS) {
      const { code, stderr } = await serveWhile(`touch ${folder}/ran`, [...flags, ...form]);
      assert.equal(code, 1);
      assert.match(stderr, /^usersvc serve: cannot listen on [^\n]*\n$/);
    }
    assert.deepEqual(await Array.fromAsync(Deno.readDir(folder)), []);
  }));

posixTest(
  "a command that cannot be started is one line, 127 or 126",
  () =>
    withFolder(async (folder) => {
      await Deno.writeTextFile(`${folder}/text`, "no program");
      await Deno.writeTextFile(`${folder}/script`, "#!/no/such/interpreter\n", { mode: 0o755 });
      const run = (program: string) => usersvc(["serve", "--log", "none", "--", program]);
      const missing = "it, or the interpreter in its first line, does not exist";
      const cases: [program: string, code: number, why: string][] = [
        ["no-such-program", 127, missing],
        [`${folder}/script`, 127, missing],
        ["", 127, missing],
        [`${folder}/text/program`, 127, "a part of its path is no directory"],
        [`${folder}/text`, 126, "it is no program that this user may run"],
      ];
      for (const [program, code, why] of cases) {
        const stderr = `usersvc serve: cannot run "${program}": ${why}\n`;
        assert.deepEqual(await run(program), { code, stdout: "", stderr });
      }
    }),
);

for (const flags of FORMS) {
  posixTest(`calls in flight finish when the command has ended: ${flags.join(" ")}`, async () => {
    const server = await startWhile("read line; exit 3", flags);
    if (flags === TWO) await started(server, 2);
    const { stream, heard } = await callInFlight(server.port);
    await server.endInput();
    await inTime("GOAWAY", heard);
    assert.deepEqual(await finishCall(stream, "A"), { status: "0", message: "Привет, A!" });
    const { code, stdout, stderr } = await server.ended();
    assert.deepEqual({ code, stdout }, { code: 3, stdout: "" });
    assert.match(stderr, /: drained, every call has finished\n$/);
  });

  posixTest(`calls that are cancelled are told, and change no exit code: ${flags}`, async () => {
    const server = await startWhile("read line; exit 0", ["--grace", "300ms", ...flags]);
    if (flags === TWO) await started(server, 2);
    await callInFlight(server.port);
    await server.endInput();
    const { code, stderr } = await server.ended();
    assert.equal(code, 0);
    assert.match(stderr, /calls cancelled: 1\b[^\n]*\n$/);
  });

  for (const signal of ["SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT"] as const) {
    posixTest(`${signal} goes to the command: ${flags.join(" ")}`, async () => {
      const name = signal.slice(3);
      const line = `trap 'kill $!; exit 5' ${name}; sleep 600 & echo ready; wait`;
      const server = await startWhile(line, flags);
      await server.stdout.until(/^ready\n/);
      server.kill(signal);
      const { code, stderr } = await server.ended();
      assert.equal(code, 5);
      assert.match(stderr, /: the command has ended \(exit code 5\): draining/);
    });
  }
}

posixTest("the server serves until a command that takes its time has ended", async () => {
  const server = await startWhile(
    "trap 'echo TERM' TERM; trap 'echo INT; kill $!; exit 6' INT; sleep 600 & echo ready; wait; wait",
  );
  await server.stdout.until(/^ready\n/);
  server.kill("SIGTERM");
  await server.stdout.until(/^TERM\n/m);
  assert.equal(await oneCall(server.port), "answered");
  server.kill("SIGINT");
  const { code, stdout } = await server.ended();
  assert.deepEqual({ code, stdout }, { code: 6, stdout: "ready\nTERM\nINT\n" });
});

posixTest("a signal after its end cuts the drain, and its exit code stays", async () => {
  const server = await startWhile("read line; exit 3", ["--grace", "1m"]);
  const { heard } = await callInFlight(server.port);
  await server.endInput();
  await inTime("GOAWAY", heard);
  server.kill("SIGTERM");
  const { code, stderr } = await server.ended();
  assert.equal(code, 3);
  assert.match(stderr, /: SIGTERM during the drain: ended at once, calls cut: 1\n$/);
});

posixTest(
  "where SIGHUP reads files again, the command does not get it",
  () =>
    withFolder(async (folder) => {
      const answers = `${folder}/answers.json`;
      await Deno.writeTextFile(answers, "{}");
      const server = await startWhile("echo ready; read line", ["--answers", answers]);
      await server.stdout.until(/^ready\n/);
      server.kill("SIGHUP");
      await server.stderr.until(/: SIGHUP: new calls use the new file of answers\n/);
      await server.feed("\n");
      assert.equal((await server.ended()).code, 0);
    }),
);

posixTest("no command, and no server once its command runs, may start a program", async () => {
  const script = fileURLToPath(new URL("../support/run_permission.ts", import.meta.url));
  for (
    const args of [
      ["proto"],
      ["serve", "--port", "0", "--until-stdin-closes"],
      ["serve", "--", "true"],
    ]
  ) {
    const flags = ["run", "--quiet", "--config", `${root}deno.json`, ...sourcePermissionFlags];
    const { stderr } = await runProgram(Deno.execPath(), [...flags, script, ...args]);
    assert.match(stderr, /^granted, then (prompt|denied)\n$/m, args.join(" "));
  }
});

posixTest("what the command leaves behind does not hold the server up", async () => {
  const server = await startWhile("sleep 600 & echo $!");
  const [, pid] = await server.stdout.until(/^(\d+)\n/);
  try {
    assert.equal(await inTime("end", server.exitCode), 0);
  } finally {
    Deno.kill(Number(pid), "SIGKILL");
  }
});

Deno.test("a signal before the start asks the server to stop, and the command never runs", async () => {
  const signals: Deno.Signal[] = ["SIGTERM"];
  const command = openChildCommand(["no-such-program"], {
    next: () => signals.length > 0 ? Promise.resolve(signals.shift()!) : new Promise(() => {}),
  });
  assert.equal(await command.first, "SIGTERM");
  command.start([], () => assert.fail("it was to run"));
  assert.equal(command.exitCode(), 128 + 15);
});

linuxTest("Ctrl-C goes to the command once, by the terminal", async () => {
  const count = "count=0; trap 'count=$((count+1))' INT; echo ready; " +
    "until read line; do :; done; echo count $count";
  const command = shellCommand(`serve -- bash -c "${count.replaceAll("$", "\\$")}"`);
  await withTerminal(command, async ({ type, screen }) => {
    await screen.until(/ready\r\n/);
    await type("\x03");
    await screen.until(/\^C/);
    await type("\n");
    await screen.until(/count 1\r\n[^]*: the command has ended \(exit code 0\)/);
  });
});
