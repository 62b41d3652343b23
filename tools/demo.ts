/** Builds ./usersvc, starts it as a server on a free port, calls it, and stops it. */
import { build } from "./build.ts";
import { run, startServer, stopServer } from "./programs.ts";

async function main(): Promise<number> {
  console.log("$ deno task build");
  const program = await build();
  if (program === undefined) return 1;

  console.log("\n$ ./usersvc serve --port 0");
  const server = await startServer([program]);
  const { port, stdout } = server;
  console.log(`server | ${stdout.text.trimEnd()}`);

  console.log(`\n$ ./usersvc call Alice --port ${port}`);
  const client = await run([program], ["call", "Alice", "--port", `${port}`]);
  console.log(`client | ${client.stdout.trimEnd()}${client.stderr}`);
  console.log(`server | ${(await stdout.until(/\n(.+)\n/))[1]}`);

  const { code } = await stopServer(server);
  console.log(`\nThe server has stopped (exit code ${code}). Now yours: ./usersvc --help`);
  return client.code;
}

if (import.meta.main) Deno.exit(await main());
