// Starts servers and ends in the way that the variable HOW says, by itself or by a signal.
import { writeFileSync } from "node:fs";
import process from "node:process";
import { serve } from "usersvc";

await Promise.all([serve(), serve({ args: ["--workers", "1"] })]);
writeFileSync(process.env.READY, "");
const how = process.env.HOW;
if (how === "process.exit") process.exit(3);
if (how === "an uncaught error") {
  setTimeout(() => {
    throw new Error("on purpose");
  });
}
if (how.startsWith("SIG")) setInterval(() => {}, 1_000);
