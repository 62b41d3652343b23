/** Checks usersvc against other implementations of gRPC, in both directions. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  programTest,
  type Result,
  Transcript,
  usersvc,
  withFolder,
  withServe,
} from "../support/program.ts";
import { grpcurl, python } from "../../tools/peers/grpc.ts";

const windows = Deno.build.os === "windows";
const client = fileURLToPath(new URL("client.py", import.meta.url));
const server = fileURLToPath(new URL("server.py", import.meta.url));

/** What ends a line that Python prints. */
const pythonEnd = windows ? "\r\n" : "\n";

const method = "userservice.UserService/GetUser";

const scripts = "Иван 👩‍👩‍👧 \u200fשלום مرحبا 🇺🇦 e\u0301";
const longest = ["a", "Ж", "👋"].map((character) => character.repeat(256));
const tooLong = "👋".repeat(257);

const started = (port: number) => `gRPC сервер запущен на порту ${port}...`;
const received = (names: readonly string[], end: string) =>
  names.map((name) => `Получен запрос к методу GetUser от пользователя: ${name}${end}`).join("");
const greeting = (name: string) => `Привет, ${name}!`;

/** Runs a program of another implementation to its end. */
async function run(
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Result> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    env,
  }).output();
  return { code, stdout: decode(stdout), stderr: decode(stderr) };
}

// Neither a replaced byte nor a dropped byte order mark may pass for the text that was expected.
function decode(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
    .decode(bytes);
}

/** Gives a test a folder with the contract as `usersvc proto` prints it. */
async function withContract(
  use: (folder: string) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const { code, stdout, stderr } = await usersvc(["proto"]);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    await Deno.writeTextFile(`${folder}/user_service.proto`, stdout);
    await use(folder);
  });
}

/** Gives a test a folder with the Python modules that grpcio-tools makes of that contract. */
async function withStubs(
  use: (stubs: string) => Promise<void>,
): Promise<void> {
  await withContract(async (folder) => {
    const { code, stderr } = await run(await python(), [
      ...["-m", "grpc_tools.protoc", `--proto_path=${folder}`],
      ...[`--python_out=${folder}`, `--grpc_python_out=${folder}`],
      "user_service.proto",
    ]);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    await use(folder);
  });
}

function pythonEnv(stubs: string): Record<string, string> {
  return {
    PYTHONPATH: stubs,
    // Other locales encode the arguments and the output differently.
    PYTHONUTF8: "1",
    // grpcio would ask the web's proxy even for this machine.
    no_grpc_proxy: "localhost",
  };
}

async function callFromUsersvc(port: number, name: string): Promise<Result> {
  return await usersvc(["call", name, "--address", `localhost:${port}`]);
}

async function callFromPython(
  stubs: string,
  port: number,
  name: string,
): Promise<Result> {
  const args = [client, `localhost:${port}`, name];
  return await run(await python(), args, pythonEnv(stubs));
}

/** Runs the Python server for one test; returns all that it has printed, without its first line. */
async function withPythonServer(
  stubs: string,
  use: (port: number) => Promise<void>,
): Promise<string> {
  const child = new Deno.Command(await python(), {
    args: [server, "0"],
    stdin: "null",
    stdout: "piped",
    env: pythonEnv(stubs),
  }).spawn();
  const stdout = new Transcript(child.stdout);
  let port;
  try {
    const match = await stdout.until(/^gRPC сервер .* (\d+)\.\.\.\r?\n/);
    port = Number(match[1]);
    await use(port);
  } finally {
    stop(child);
    await child.status;
    await stdout.all();
  }
  return afterStart(stdout.text, port, pythonEnd);
}

function stop(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has already ended.
  }
}

/** Runs `usersvc serve` for one test; returns all that it has printed, without its first line. */
async function withServeLog(
  use: (port: number) => Promise<void>,
): Promise<string> {
  const { port, stdout } = await withServe(async (serve) => {
    await use(serve.port);
    return serve;
  });
  return afterStart(await stdout.all(), port, "\n");
}

function afterStart(printed: string, port: number, end: string): string {
  const first = started(port) + end;
  assert.equal(printed.slice(0, first.length), first);
  return printed.slice(first.length);
}

async function callFromGrpcurl(
  contract: string,
  port: number,
  name: string,
): Promise<Result> {
  return await run(await grpcurl(), [
    ...["-plaintext", "-max-time", "10"],
    ...["-import-path", contract, "-proto", "user_service.proto"],
    ...["-d", JSON.stringify({ username: name })],
    `localhost:${port}`,
    method,
  ]);
}

async function describe(contract: string, symbol: string): Promise<string> {
  const { code, stdout, stderr } = await run(await grpcurl(), [
    ...["-import-path", contract, "-proto", "user_service.proto"],
    ...["describe", symbol],
  ]);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  return stdout;
}

programTest(
  "grpcio-tools compiles what `usersvc proto` prints",
  async () => {
    await withStubs(async (stubs) => {
      const source = await Deno.readTextFile(
        `${stubs}/user_service_pb2_grpc.py`,
      );
      assert.ok(source.includes(`'/${method}'`), source);
    });
  },
);

for (
  const [title, names] of [
    ["Alice", ["Alice"]],
    ["a name of many scripts and emoji", [scripts]],
    ["names of 256 characters", longest],
  ] as const
) {
  programTest(
    `usersvc serve greets ${title} for the Python client`,
    async () => {
      await withStubs(async (stubs) => {
        const log = await withServeLog(async (port) => {
          for (const name of names) {
            assert.deepEqual(await callFromPython(stubs, port, name), {
              code: 0,
              stdout: greeting(name) + pythonEnd,
              stderr: "",
            });
          }
        });
        assert.equal(log, received(names, "\n"));
      });
    },
  );
}

programTest(
  "the Python client gets INVALID_ARGUMENT for an empty or too long name",
  async () => {
    await withStubs(async (stubs) => {
      await withServe(async ({ port }) => {
        const refused = async (name: string, fault: string) =>
          assert.deepEqual(await callFromPython(stubs, port, name), {
            code: 1,
            stdout: "",
            stderr: `INVALID_ARGUMENT: ${fault}${pythonEnd}`,
          });
        await refused("", "username is empty");
        await refused(tooLong, "username is longer than 256 characters");
      });
    });
  },
);

programTest("the Python server greets usersvc call", async () => {
  await withStubs(async (stubs) => {
    const names = ["Alice", scripts, ...longest];
    const log = await withPythonServer(stubs, async (port) => {
      for (const name of names) {
        assert.deepEqual(await callFromUsersvc(port, name), {
          code: 0,
          stdout: `${greeting(name)}\n`,
          stderr: "",
        });
      }
    });
    assert.equal(log, received(names, pythonEnd));
  });
});

programTest("usersvc serve greets grpcurl, which prints JSON", async () => {
  await withContract(async (contract) => {
    const names = ["Alice", scripts];
    const log = await withServeLog(async (port) => {
      for (const name of names) {
        const { code, stdout, stderr } = await callFromGrpcurl(
          contract,
          port,
          name,
        );
        assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
        assert.deepEqual(JSON.parse(stdout), { message: greeting(name) });
      }
    });
    assert.equal(log, received(names, "\n"));
  });
});

programTest(
  "grpcurl and usersvc call exit with 67 for an empty name",
  async () => {
    await withContract(async (contract) => {
      await withServe(async ({ port }) => {
        const peer = await callFromGrpcurl(contract, port, "");
        const own = await callFromUsersvc(port, "");
        assert.match(
          peer.stderr,
          /Code: InvalidArgument\s+Message: username is empty\s/,
        );
        assert.equal(
          own.stderr,
          `usersvc call: INVALID_ARGUMENT from localhost:${port}: username is empty\n`,
        );
        assert.deepEqual([peer.code, own.code], [67, 67]);
        assert.equal(peer.stdout + own.stdout, "");
      });
    });
  },
);

programTest("grpcurl describes the contract without a server", async () => {
  await withContract(async (contract) => {
    assert.match(
      await describe(contract, "userservice.UserService"),
      /^ *rpc GetUser \( \.userservice\.GetUserRequest \) returns \( \.userservice\.GetUserResponse \) \{$/m,
    );
    assert.match(
      await describe(contract, "userservice.GetUserRequest"),
      /^ *string username = 1;$/m,
    );
    assert.match(
      await describe(contract, "userservice.GetUserResponse"),
      /^ *string message = 1;$/m,
    );
  });
});

programTest(
  "grpcurl lists and describes a server by reflection, with the contract's comments",
  () =>
    withServe(async ({ port }) => {
      const program = await grpcurl();
      const ask = async (...args: string[]) => {
        const result = await run(program, ["-plaintext", `localhost:${port}`, ...args]);
        assert.equal(result.code, 0, result.stderr);
        return result.stdout;
      };
      assert.equal(await ask("list"), "grpc.health.v1.Health\nuserservice.UserService\n");
      assert.equal(
        await ask("list", "userservice.UserService"),
        "userservice.UserService.GetUser\n",
      );
      assert.match(
        await ask("describe"),
        /\/\/ Greets users\.\nservice UserService \{\n {2}\/\/ Returns /,
      );
      assert.match(
        await ask("describe", "userservice.GetUserRequest"),
        /\/\/ Whom to greet\.\nmessage GetUserRequest \{\n {2}\/\/ The user's name: .*\n {2}string username = 1;/,
      );
    }),
);

programTest("grpcurl decodes what is wrong with a request", () =>
  withServe(async ({ port }) => {
    const request = ["-plaintext", "-d", '{"username": " "}', `localhost:${port}`, method];
    const { code, stderr } = await run(await grpcurl(), request);
    assert.equal(code, 67);
    assert.match(stderr, /google\.rpc\.BadRequest/);
    assert.match(stderr, /"field": "username",\s+"description": "username is blank"/);
  }));

programTest("--no-reflection leaves reflection out", () =>
  withServe(async ({ port }) => {
    const { code, stderr } = await run(await grpcurl(), [
      "-plaintext",
      `localhost:${port}`,
      "list",
    ]);
    assert.notEqual(code, 0);
    assert.match(stderr, /server does not support the reflection API/);
  }, ["--no-reflection"]));
