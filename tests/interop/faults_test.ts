/** Has clients of others meet the faults of `serve`: their own retries, and tests in parallel. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { python } from "../../tools/peers/grpc.ts";
import { goProgram } from "../support/go.ts";
import { programTest, runProgram, type Serve, serveTest, withServe } from "../support/program.ts";

const here = fileURLToPath(new URL(".", import.meta.url));

/** The status codes of the calls in the log of `--log json`. */
async function codesOf(server: Serve, calls: number): Promise<string[]> {
  assert.ok(await server.stdout.lines(1 + calls));
  return server.stdout.text.trim().split("\n").map((line) => JSON.parse(line)["grpc.code"])
    .slice(1);
}

programTest(
  "the retries of grpc-go and grpcio meet faults that pass, of a server with a name",
  async () => {
    const clients = [[await goProgram("retries")], [await python(), `${here}get_user.py`]];
    const answers = await Deno.makeTempFile({ prefix: "usersvc-answers-", suffix: ".json" });
    const failing = { code: "UNAVAILABLE", metadata: { "x-tenant": "7" } };
    const lists = clients.map((_, index) => [`Client${index}`, [failing, failing, {}]]);
    await Deno.writeTextFile(answers, JSON.stringify(Object.fromEntries(lists)));
    try {
      await withServe(async (server) => {
        const address = `127.0.0.1:${server.port}`;
        for (const [index, [program, ...args]] of clients.entries()) {
          const call = async (...more: string[]) => {
            const all = [...args, address, ...more];
            const { code, stdout, stderr } = await runProgram(program!, all);
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
        assert.deepEqual(await codesOf(server, 14), [...each, ...each]);
      }, ["--faults-by-metadata", "--answers", answers, "--instance", "blue", "--log", "json"]);
    } finally {
      await Deno.remove(answers);
    }
  },
);

serveTest("tests of pytest in parallel each ask one server for another fault", async ({ port }) => {
  const { code, stdout, stderr } = await new Deno.Command(await python(), {
    args: ["-m", "pytest", "-q", "-n", "4", "-p", "no:cacheprovider", "parallel_faults.py"],
    cwd: here,
    env: { USERSVC_UNDER_FAULTS: `127.0.0.1:${port}`, PYTHONDONTWRITEBYTECODE: "1" },
  }).output();
  const printed = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.equal(code, 0, printed);
  assert.match(printed, /\n23 passed/);
}, ["--faults-by-metadata", "--workers", "2"]);
