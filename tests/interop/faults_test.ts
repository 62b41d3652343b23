/** Has clients of others meet the faults of `serve`: their own retries, and tests in parallel. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { grpcurl, python } from "../../tools/peers/grpc.ts";
import { root } from "../../tools/paths.ts";
import { folder, run } from "../../tools/peers/install.ts";
import { programTest, runProgram, type Serve, withServe } from "../support/program.ts";

const here = fileURLToPath(new URL(".", import.meta.url));

/** Builds the client of grpc-go; returns its path. */
async function goClient(): Promise<string> {
  const program = `${folder}bin/retries`;
  await run("go", ["build", "-C", `${here}grpc_go`, "-o", program, "./retries"], {
    missing: "the client to test with is built with it; install Go 1.26 or later",
  });
  return program;
}

/** The status codes of the calls in the log of `--log json`. */
async function codesOf(server: Serve, calls: number): Promise<string[]> {
  assert.ok(await server.stdout.lines(1 + calls));
  return server.stdout.text.trim().split("\n").map((line) => JSON.parse(line)["grpc.code"])
    .slice(1);
}

programTest(
  "the retries of grpc-go, grpcio, grpc-js meet faults that pass, of a server with a name",
  async () => {
    const js = [Deno.execPath(), "run", "-A", "--quiet", "--config", `${root}deno.json`];
    const clients = [
      [await goClient()],
      [await python(), `${here}get_user.py`],
      [...js, `${here}get_user.ts`],
    ];
    const answers = await Deno.makeTempFile({ prefix: "usersvc-answers-", suffix: ".json" });
    const failing = { code: "UNAVAILABLE", metadata: { "x-tenant": "7" } };
    const lists = clients.map((_, index) => [`Client${index}`, [failing, failing, {}]]);
    await Deno.writeTextFile(answers, JSON.stringify(Object.fromEntries(lists)));
    try {
      await withServe(async (server) => {
        const address = `127.0.0.1:${server.port}`;
        for (const [index, [program, ...args]] of clients.entries()) {
          const call = async (...more: string[]) => {
            const { code, stdout, stderr } = await runProgram(program!, [
              ...args,
              address,
              ...more,
            ]);
            assert.equal(code, 0, stderr);
            return stdout.trim();
          };
          const behavior = ["rpc-behavior", "succeed-on-retry-attempt-2,error-code-14"];
          assert.equal(await call("Alice", ...behavior), "Привет, Alice!");
          assert.equal(await call(`Client${index}`), `Привет, Client${index}!`);
          const others = ["rpc-behavior", "succeed-on-retry-attempt-2,error-code-5"];
          assert.match(await call("Alice", ...others), /^(NotFound|NOT_FOUND)$/);
        }
        const passing = ["UNAVAILABLE", "UNAVAILABLE", "OK"];
        const each = [...passing, ...passing, "NOT_FOUND"];
        assert.deepEqual(await codesOf(server, 21), [...each, ...each, ...each]);
      }, ["--faults-by-metadata", "--answers", answers, "--instance", "blue", "--log", "json"]);
    } finally {
      await Deno.remove(answers);
    }
  },
);

programTest(
  "grpcurl asks for faults, with Envoy's headers and those of gRPC",
  () =>
    withServe(async ({ port }) => {
      const call = async (...headers: string[]) =>
        await runProgram(await grpcurl(), [
          ...["-plaintext", "-max-time", "10", "-d", '{"username": "Alice"}'],
          ...headers.flatMap((header) => ["-H", header]),
          ...[`127.0.0.1:${port}`, "userservice.UserService/GetUser"],
        ]);
      const aborted = await call("x-envoy-fault-abort-grpc-request: 8");
      assert.match(
        aborted.stderr,
        /Code: ResourceExhausted\s+Message: failed on purpose \(x-envoy/,
      );
      const behaved = await call("rpc-behavior: sleep-0.01", "rpc-behavior: error-code-6");
      assert.match(behaved.stderr, /Code: AlreadyExists\s+Message: failed on purpose \(rpc-beh/);
      const refused = await call("rpc-behavior: explode");
      assert.match(refused.stderr, /Code: InvalidArgument[^]*"field": "rpc-behavior"/);
    }, ["--faults-by-metadata"]),
);

programTest(
  "tests of pytest in parallel each ask one server for another fault",
  () =>
    withServe(async ({ port }) => {
      const { code, stdout, stderr } = await new Deno.Command(await python(), {
        args: ["-m", "pytest", "-q", "-n", "4", "-p", "no:cacheprovider", "parallel_faults.py"],
        cwd: here,
        env: { USERSVC_UNDER_FAULTS: `127.0.0.1:${port}`, PYTHONDONTWRITEBYTECODE: "1" },
      }).output();
      const printed = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
      assert.equal(code, 0, printed);
      assert.match(printed, /\n23 passed/);
    }, ["--faults-by-metadata", "--workers", "2"]),
);
