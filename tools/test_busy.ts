/**
 * Runs `task test` several times beside programs that leave it little of the machine, which may change
 * nothing but how long it takes.
 *
 * `deno run -A tools/test_busy.ts [RUNS [LOOPS]]`
 */
const [runs = 3, loops = 4] = Deno.args.map(Number);

// A loop whose starter is gone ends.
const LOOP = "const starter = Deno.ppid; while (Deno.ppid === starter);";

const busy = Array.from(
  { length: loops },
  () => new Deno.Command(Deno.execPath(), { args: ["eval", LOOP], stdin: "null" }).spawn(),
);
let failed = 0;
try {
  for (let run = 1; run <= runs; run++) {
    const start = performance.now();
    const args = ["task", "test", "--no-check"];
    const { success } = await new Deno.Command(Deno.execPath(), { args }).spawn().status;
    const seconds = Math.round((performance.now() - start) / 1_000);
    console.log(
      `run ${run} of ${runs}, ${loops} busy loops: ${success ? "green" : "red"}, ${seconds} s`,
    );
    if (!success) failed++;
  }
} finally {
  for (const loop of busy) loop.kill("SIGKILL");
}
Deno.exit(failed === 0 ? 0 : 1);
