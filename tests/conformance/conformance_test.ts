/**
 * connectrpc's suite of conformance against grpc-js over HTTP/2 of our own, and against the port of
 * usersvc. What fails over Node's node:http2 as well is in suite/, with reasons, in the suite's own
 * format; it runs over node:http2 too, so that the lists stay true.
 *
 * @see https://github.com/connectrpc/conformance/blob/main/docs/configuring_and_running_tests.md
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { programTest } from "../support/program.ts";
import { overNodes, overOurs, type Program, suite, suiteDescriptors } from "./programs.ts";

/** How many cases there are, so that none gets lost unnoticed. */
const CASES = { server: 747, client: 857, port: 1267 } as const;

/** grpc-go ends a call whose deadline has passed, which grpc-js may learn before its own timer fires. */
const EITHER_IN_TIME = "Timeouts/**/(grpc server impl)/**";

/**
 * grpc-js drops what it has not read yet when it learns of an error. node:http2 tells it too early; ours
 * tells it behind the messages.
 */
const MESSAGES_LOST = "**/error-with-responses";

programTest("a server of grpc-js over our HTTP/2 conforms", async () => {
  await conforms("server", overOurs("server", await suiteDescriptors()));
});

programTest("a server of grpc-js over Node's HTTP/2 fails what it is known to fail", async () => {
  await conforms("server", await overNodes("server", await suiteDescriptors()));
});

programTest("a client of grpc-js over our HTTP/2 conforms", async () => {
  await conforms("client", overOurs("client", await suiteDescriptors()), [EITHER_IN_TIME]);
});

programTest("a client of grpc-js over Node's HTTP/2 fails what it is known to fail", async () => {
  const program = await overNodes("client", await suiteDescriptors());
  await conforms("client", program, [EITHER_IN_TIME, MESSAGES_LOST]);
});

programTest("the port of usersvc conforms, by Connect, gRPC-Web and gRPC", async () => {
  await conforms("port", overOurs("port_server", await suiteDescriptors()));
});

const inSuite = (name: string) => fileURLToPath(new URL(`suite/${name}`, import.meta.url));

async function conforms(
  what: keyof typeof CASES,
  { command, env }: Program,
  flaky: readonly string[] = [],
): Promise<void> {
  const mode = what === "client" ? ["client"] : ["server", "--parallel", "4"];
  const { code, stdout, stderr } = await new Deno.Command(await suite(), {
    args: [
      ...["--mode", ...mode, "--conf", inSuite(what === "port" ? "port.yaml" : "grpc.yaml")],
      ...["--known-failing", `@${inSuite(`${what}_known_failing.txt`)}`],
      ...flaky.flatMap((pattern) => ["--known-flaky", pattern]),
      ...["--", ...command],
    ],
    stdin: "null",
    env: { ...env },
  }).output();
  const said = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
  const [summary, cases] = /^Total cases: (\d+)\n(?:.+\n?)+$/m.exec(said) ?? [said, ""];
  console.log(summary.trimEnd());
  const failed = said.match(/^(?:FAILED|ERROR).*(?:\n\t.*)*/gm) ?? [];
  assert.deepEqual({ code, failed: failed.join("\n") }, { code: 0, failed: "" });
  assert.equal(Number(cases), CASES[what]);
}
