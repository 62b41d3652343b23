// The same in a worker of vitest, which lives on for a while when vitest is gone.
import process from "node:process";
import { test } from "vitest";

test("ends", async () => {
  process.once("disconnect", () => {
    setTimeout(() => process.kill(process.pid, "SIGKILL"), 5_000);
  });
  await import("./end.mjs");
  if (process.env.HOW.startsWith("SIG")) await new Promise(() => {});
}, 600_000);
