/** Checks usersvc against other implementations of gRPC, in both directions. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { grpcurl, python } from "../../tools/peers/grpc.ts";
import {
  programTest,
  type Result,
  serveTest,
  Transcript,
  usersvc,
  withFolder,
  withServe,
} from "../support/program.ts";

const pythonProgram = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** What ends a line that Python prints. */
const pythonEnd = Deno.build.os === "windows" ? "\r\n" : "\n";

const METHOD = "userservice.UserService/GetUser";

/** Names of many scripts, and those that are as long as may be. */
const NAMES = [
  ...["Alice", "Иван 👩‍👩‍👧 \u200fשלום مرحبا 🇺🇦 e\u0301"],
  ...["a", "Ж", "👋"].map((character) => character.repeat(256)),
];
const TOO_LONG = "👋".repeat(257);

const greeting = (name: string) => `Привет, ${name}!`;

/** What a server prints that was called with these names. */
const printed = (port: number, names: readonly string[], end = "\n") =>
  [
    `gRPC сервер запущен на порту ${port}...`,
    ...names.map((name) => `Получен запрос к методу GetUser от пользователя: ${name}`),
  ].map((line) => line + end).join("");

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
  // Neither a replaced byte nor a dropped byte order mark may pass for the text that was expected.
  const decode = (bytes: Uint8Array) =>
    new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  return { code, stdout: decode(stdout), stderr: decode(stderr) };
}

/** Gives a test a folder with the contract as `usersvc proto` prints it. */
async function withContract(use: (folder: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const { code, stdout, stderr } = await usersvc(["proto"]);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    await Deno.writeTextFile(`${folder}/user_service.proto`, stdout);
    await use(folder);
  });
}

/**
 * Gives a test the environment in which Python has the modules that grpcio-tools makes of the
 * contract.
 */
async function withStubs(use: (env: Record<string, string>) => Promise<void>): Promise<void> {
  await withContract(async (folder) => {
    const { code, stderr } = await run(await python(), [
      ...["-m", "grpc_tools.protoc", `--proto_path=${folder}`],
      ...[`--python_out=${folder}`, `--grpc_python_out=${folder}`],
      "user_service.proto",
    ]);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    await use({
      PYTHONPATH: folder,
      // Other locales encode the arguments and the output differently.
      PYTHONUTF8: "1",
      // grpcio would ask the web's proxy even for this machine.
      no_grpc_proxy: "localhost",
    });
  });
}

programTest(
  "usersvc serve greets the Python client, and refuses names in words",
  () =>
    withStubs(async (env) => {
      const { port, stdout } = await withServe(async (server) => {
        const call = async (name: string) => {
          const args = [pythonProgram("client.py"), `localhost:${server.port}`, name];
          return await run(await python(), args, env);
        };
        for (const name of NAMES) {
          const greeted = { code: 0, stdout: greeting(name) + pythonEnd, stderr: "" };
          assert.deepEqual(await call(name), greeted);
        }
        for (
          const [name, fault] of [
            ["", "username is empty"],
            [TOO_LONG, "username is longer than 256 characters"],
          ] as const
        ) {
          const refused = `INVALID_ARGUMENT: ${fault}${pythonEnd}`;
          assert.deepEqual(await call(name), { code: 1, stdout: "", stderr: refused });
        }
        return server;
      });
      const log = await stdout.all();
      assert.equal(log.slice(0, printed(port, NAMES).length), printed(port, NAMES));
    }),
);

programTest("the Python server greets usersvc call", () =>
  withStubs(async (env) => {
    const child = new Deno.Command(await python(), {
      args: [pythonProgram("server.py"), "0"],
      stdin: "null",
      stdout: "piped",
      env,
    }).spawn();
    const stdout = new Transcript(child.stdout);
    let port = 0;
    try {
      port = Number((await stdout.until(/^gRPC сервер .* (\d+)\.\.\.\r?\n/))[1]);
      for (const name of NAMES) {
        const { code, ...said } = await usersvc(["call", name, "--port", `${port}`]);
        assert.deepEqual([code, said], [0, { stdout: `${greeting(name)}\n`, stderr: "" }]);
      }
    } finally {
      child.kill("SIGKILL");
      await child.status;
      await stdout.all();
    }
    assert.equal(stdout.text, printed(port, NAMES, pythonEnd));
  }));

programTest(
  "usersvc serve greets grpcurl, which needs no reflection and prints JSON",
  () =>
    withContract(async (folder) => {
      const names = NAMES.slice(0, 2);
      const { port, stdout } = await withServe(async (server) => {
        const ask = async (...args: string[]) =>
          await run(await grpcurl(), ["-plaintext", "-max-time", "10", ...args]);
        const contract = ["-import-path", folder, "-proto", "user_service.proto"];
        const address = `localhost:${server.port}`;
        for (const username of names) {
          const request = ["-d", JSON.stringify({ username })];
          const { code, stdout, stderr } = await ask(...contract, ...request, address, METHOD);
          assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
          assert.deepEqual(JSON.parse(stdout), { message: greeting(username) });
        }
        const listed = await ask(address, "list");
        assert.notEqual(listed.code, 0);
        assert.match(listed.stderr, /server does not support the reflection API/);
        return server;
      }, ["--no-reflection"]);
      assert.equal(await stdout.all(), printed(port, names));
    }),
);

serveTest(
  "grpcurl learns all by reflection: services, comments, what is wrong with a request",
  async ({ port }) => {
    const ask = async (...args: string[]) =>
      await run(await grpcurl(), ["-plaintext", "-max-time", "10", ...args]);
    const described = async (...args: string[]) => {
      const { code, stdout, stderr } = await ask(`localhost:${port}`, ...args);
      assert.equal(code, 0, stderr);
      return stdout;
    };
    assert.equal(await described("list"), "grpc.health.v1.Health\nuserservice.UserService\n");
    const methods = await described("list", "userservice.UserService");
    assert.equal(methods, "userservice.UserService.GetUser\n");
    assert.match(
      await described("describe"),
      /\/\/ Greets users\.\nservice UserService \{\n {2}\/\/ Returns [^]*\n {2}rpc GetUser \( \.userservice\.GetUserRequest \) returns \( \.userservice\.GetUserResponse \)/,
    );
    assert.match(
      await described("describe", "userservice.GetUserRequest"),
      /\/\/ Whom to greet\.\nmessage GetUserRequest \{\n {2}\/\/ The user's name: .*\n {2}string username = 1;/,
    );
    assert.match(
      await described("describe", "userservice.GetUserResponse"),
      /^ *string message = 1;$/m,
    );
    for (const [name, fault] of [["", "empty"], [" ", "blank"]] as const) {
      const request = ["-d", JSON.stringify({ username: name }), `localhost:${port}`, METHOD];
      const { code, stdout, stderr } = await ask(...request);
      // As usersvc call exits.
      assert.deepEqual([code, stdout], [67, ""]);
      assert.match(
        stderr,
        new RegExp(`Code: InvalidArgument\\s+Message: username is ${fault}\\s`),
      );
      assert.match(stderr, /google\.rpc\.BadRequest/);
      const violation = `"field": "username",\\s+"description": "username is ${fault}"`;
      assert.match(stderr, new RegExp(violation));
    }
  },
);

const TYPE = "type.googleapis.com/google.rpc.";

/** A detail of each type of google.rpc's error_details.proto, as grpcurl shows it too. */
const DETAILS = [
  { "@type": `${TYPE}ErrorInfo`, reason: "OVER", domain: "usersvc.test", metadata: { a: "b" } },
  { "@type": `${TYPE}RetryInfo`, retryDelay: "1.500s" },
  { "@type": `${TYPE}DebugInfo`, stackEntries: ["a", "b"], detail: "c" },
  {
    "@type": `${TYPE}QuotaFailure`,
    violations: [{ subject: "me", quotaDimensions: { d: "e" }, quotaValue: "7" }],
  },
  { "@type": `${TYPE}PreconditionFailure`, violations: [{ type: "TOS", subject: "me" }] },
  { "@type": `${TYPE}BadRequest`, fieldViolations: [{ field: "username", description: "no" }] },
  { "@type": `${TYPE}RequestInfo`, requestId: "7", servingData: "x" },
  { "@type": `${TYPE}ResourceInfo`, resourceType: "user", resourceName: "Bob" },
  { "@type": `${TYPE}Help`, links: [{ description: "here", url: "https://a.test" }] },
  { "@type": `${TYPE}LocalizedMessage`, locale: "ru", message: "Нет" },
];

programTest(
  "grpcurl decodes the details of a file of answers by reflection",
  () =>
    withFolder(async (folder) => {
      const answers = { "*": { code: "RESOURCE_EXHAUSTED", reason: "enough", details: DETAILS } };
      await Deno.writeTextFile(`${folder}/answers.json`, JSON.stringify(answers));
      await withServe(async ({ port }) => {
        const flags = ["-plaintext", "-max-time", "10", "-format-error", "-d", '{"username":"A"}'];
        const { code, stderr } = await run(await grpcurl(), [
          ...flags,
          `localhost:${port}`,
          METHOD,
        ]);
        assert.equal(code, 72, stderr);
        assert.deepEqual(JSON.parse(stderr).details, DETAILS);
      }, ["--answers", `${folder}/answers.json`]);
    }),
);
