// The same in a worker of vitest.
import process from "node:process";
import { test } from "vitest";

test("ends", async () => {
  await import("./end.mjs");
  if (process.env.HOW.startsWith("SIG")) await new Promise(() => {});
}, 600_000);
