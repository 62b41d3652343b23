/**
 * Runs tests of the program as it is shipped: of its bundle, made anew, which starts in a third of the
 * time of the sources. Where USERSVC_UNDER_TEST names what to test, that is tested.
 *
 * `deno run -A tools/test.ts [ARGUMENTS OF deno test]`
 */
import { makeBundle } from "./bundle.ts";
import { root } from "./paths.ts";

/** Not that of `deno task build`, which may run meanwhile. */
const folder = `${root}dist/tested`;

const env: Record<string, string> = {};
if (!Deno.env.get("USERSVC_UNDER_TEST")) {
  await makeBundle(folder);
  env.USERSVC_UNDER_TEST = `${folder}/main.js`;
}
const { code } = await new Deno.Command(Deno.execPath(), {
  args: ["test", "-A", "--no-prompt", ...Deno.args],
  env,
}).spawn().status;
Deno.exit(code);
