/** Builds ./usersvc, starts it as a server on a free port, calls it, and stops it. */
import { build } from "./build.ts";

async function main(): Promise<number> {
  console.log("$ deno task build");
  const program = await build();
  if (program === undefined) return 1;

  console.log("\n$ ./usersvc serve --port 0");
  const server = new Deno.Command(program, {
    args: ["serve", "--port", "0"],
    stdout: "piped",
  })
    .spawn();
  const lines = readLines(server.stdout);
  const started = (await lines.next()).value;
  const port = started?.match(/\d+/)?.[0];
  if (port === undefined) {
    console.error("demo: the server did not start");
    return 1;
  }
  console.log(`server | ${started}`);

  console.log(`\n$ ./usersvc call Alice --port ${port}`);
  const client = await new Deno.Command(program, {
    args: ["call", "Alice", "--port", port],
    stderr: "inherit",
  }).output();
  console.log(`client | ${new TextDecoder().decode(client.stdout).trimEnd()}`);
  console.log(`server | ${(await lines.next()).value}`);

  server.kill(Deno.build.os === "windows" ? "SIGKILL" : "SIGTERM");
  const { code } = await server.status;
  console.log(
    `\nThe server has stopped (exit code ${code}). Now yours: ./usersvc --help`,
  );
  return client.success ? 0 : 1;
}

async function* readLines(
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<string> {
  let text = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const lines = text.split("\n");
    text = lines.pop()!;
    yield* lines;
  }
}

if (import.meta.main) Deno.exit(await main());
