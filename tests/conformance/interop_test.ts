/**
 * gRPC's own interop cases, and some of ours (large messages, slow ends, cancelled streams, 1,000 at
 * once), between Go and grpc-js over HTTP/2 of our own.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md
 */
import assert from "node:assert/strict";
import { goProgram } from "../support/go.ts";
import { programTest, runProgram, Transcript } from "../support/program.ts";
import { interopDescriptors, overOurs } from "./programs.ts";

/** Those of Go's client that need neither credentials nor a balancer. */
const CASES: readonly string[] = [
  ...["empty_unary", "large_unary", "client_streaming", "server_streaming", "ping_pong"],
  ...["empty_stream", "timeout_on_sleeping_server", "cancel_after_begin"],
  ...["cancel_after_first_response", "status_code_and_message", "special_status_message"],
  ...["custom_metadata", "unimplemented_method", "unimplemented_service"],
];

/** Those of our own client in Go. */
const OUR_CASES: readonly string[] = [
  ...["large_messages", "compressed_unary", "messages_of_any_size", "slow_reader", "slow_server"],
  ...["cancelled_streams", "concurrent_unary", "concurrent_streams"],
];

/** How many cases the client on grpc-js has; gRPC's own ones it has in connectrpc's suite. */
const CLIENT_CASES = 8;

programTest("Go's clients call a server of grpc-js over our HTTP/2", async (test) => {
  const { command: [program, ...args], env } = overOurs(
    "interop_server",
    await interopDescriptors(),
  );
  const server = new Deno.Command(program, { args, env, stdin: "null", stdout: "piped" }).spawn();
  try {
    const [, port] = await new Transcript(server.stdout).until(/^(\d+)\n/);
    const run = async (program: string, args: readonly string[]) => {
      const { code, stderr } = await runProgram(program, args);
      assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    };
    const client = await goProgram("google.golang.org/grpc/interop/client");
    for (const name of CASES) {
      const where = ["--server_host", "127.0.0.1", "--server_port", port!];
      await test.step(name, () => run(client, [...where, "--test_case", name]));
    }
    const ours = await goProgram("interop_cases");
    for (const name of OUR_CASES) {
      await test.step(name, () => run(ours, [name, `127.0.0.1:${port}`]));
    }
  } finally {
    server.kill("SIGKILL");
    await server.status;
  }
});

programTest("a client of grpc-js over our HTTP/2 calls Go's server", async () => {
  const server = new Deno.Command(await goProgram("google.golang.org/grpc/interop/server"), {
    args: ["-port", "0"],
    // It says nowhere else where it listens.
    env: { GRPC_GO_LOG_SEVERITY_LEVEL: "info" },
    stdin: "null",
    stderr: "piped",
  }).spawn();
  try {
    const [, port] = await new Transcript(server.stderr).until(/listening on .*:(\d+)\n/);
    const { command: [program, ...args], env } = overOurs(
      "interop_client",
      await interopDescriptors(),
      `127.0.0.1:${port}`,
    );
    const { stdout } = await new Deno.Command(program, { args, env, stdin: "null" }).output();
    const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
    assert.deepEqual(lines.filter((line) => !line.startsWith("ok ")), []);
    assert.equal(lines.length, CLIENT_CASES);
  } finally {
    server.kill("SIGKILL");
    await server.status;
  }
});
