import config from "../deno.json" with { type: "json" };
import type { Program } from "./cli/command.ts";
import { giveUpRunning, runProgram } from "./cli/program.ts";

/** usersvc. */
export const program: Program = {
  name: config.name,
  summary: "serves and calls the gRPC service userservice.UserService",
  // The version stands in deno.json alone.
  version: () => `${config.name} ${config.version} (deno ${Deno.version.deno})`,
  commands: {
    serve: () => import("./commands/serve.ts"),
    call: () => import("./commands/call.ts"),
    check: () => import("./commands/check.ts"),
    gauntlet: () => import("./commands/gauntlet.ts"),
    proto: () => import("./commands/proto.ts"),
    schema: () => import("./commands/schema.ts"),
    completions: () => import("./commands/completions.ts"),
  },
  // A supervisor starts its workers; `serve` without workers gives the permission up itself.
  starters: ["serve", "gauntlet"],
  examples: [
    { command: "usersvc serve --port 50051", does: "Start a server" },
    { command: "usersvc call Alice", does: "Call it from another terminal" },
    { command: "usersvc help serve", does: "Show the flags of serve" },
  ],
};

/** Runs the program, or one of its workers where a supervisor has started this process. */
async function start(): Promise<number> {
  const task = Deno.env.get("USERSVC_WORKER");
  if (task === undefined) return await runProgram(program, Deno.args);
  giveUpRunning();
  const { serveAsWorker } = await import("./processes/worker.ts");
  return await serveAsWorker(task);
}

if (import.meta.main) Deno.exit(await start());
