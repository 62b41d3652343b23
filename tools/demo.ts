/** Builds ./usersvc, starts it as a server on a free port, calls it, and stops it. */
import { build } from "./build.ts";
import { startServer, stopServer } from "./programs.ts";

async function main(): Promise<number> {
  console.log("$ deno task build");
  const program = await build();
  if (program === undefined) return 1;

  console.log("\n$ ./usersvc serve --port 0");
  const server = await startServer([program]);
  const { port, stdout } = server;
  console.log(`server | ${stdout.text.trimEnd()}`);

  console.log(`\n$ ./usersvc call Alice --port ${port}`);
  const client = await new Deno.Command(program, {
    args: ["call", "Alice", "--port", `${port}`],
    stderr: "inherit",
  }).output();
  console.log(`client | ${new TextDecoder().decode(client.stdout).trimEnd()}`);
  console.log(`server | ${(await stdout.until(/\n(.+)\n/))[1]}`);

  const { code } = await stopServer(server);
  console.log(
    `\nThe server has stopped (exit code ${code}). Now yours: ./usersvc --help`,
  );
  return client.success ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
