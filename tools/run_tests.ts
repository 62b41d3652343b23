/**
 * Runs tests of the program as it is shipped: of its bundle, made anew, which starts in half the time of
 * the sources. Where USERSVC_UNDER_TEST names what to test, that is tested.
 *
 * `deno run -A tools/run_tests.ts [--jobs-per-core=NUMBER] [ARGUMENTS OF deno test]`
 */
import { makeBundle } from "./bundle.ts";
import { root } from "./paths.ts";

/** Not that of `deno task build`, which may run meanwhile. */
const folder = `${root}dist/tested`;

const [first = "", ...rest] = Deno.args;
const jobs = /^--jobs-per-core=(\d+)$/.exec(first);
const env: Record<string, string> = {};
// Tests that wait more than they work leave cores idle with the one a core that Deno runs.
if (jobs && !Deno.env.get("DENO_JOBS")) {
  env.DENO_JOBS = `${navigator.hardwareConcurrency * Number(jobs[1])}`;
}
if (!Deno.env.get("USERSVC_UNDER_TEST")) {
  await makeBundle(folder);
  env.USERSVC_UNDER_TEST = `${folder}/main.js`;
}
const { code } = await new Deno.Command(Deno.execPath(), {
  args: ["test", "-A", "--no-prompt", ...(jobs ? rest : Deno.args)],
  env,
}).spawn().status;
Deno.exit(code);
