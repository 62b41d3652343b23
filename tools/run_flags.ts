/** How a bundle is run, by the launcher, the packages and the image alike. */
import { V8_FLAGS } from "../src/processes/start_worker.ts";
import { permissionFlagsOf } from "./permissions.ts";

/** The flags of V8, as an argument of `deno run` and of `deno compile`. */
export const v8Flags = `--v8-flags=${V8_FLAGS.join(",")}`;

/**
 * The arguments of Deno that stand before the path of `main.js`, after which those of the user
 * follow.
 *
 * Deno keeps its code cache in the folder that the environment variable DENO_DIR names, by default in
 * the user's cache folder, and does not start where there is neither; any path will do, it need not be
 * one that can be made. Set it always: workers look there too, and a folder that is only for this
 * program is faster. Without a cache the program starts more slowly.
 *
 * @param deno the path of this Deno, the one program that it may start
 */
export function runFlags(deno: string): string[] {
  return [
    ...["run", "--quiet", "--no-config"],
    v8Flags,
    ...permissionFlagsOf(deno),
  ];
}
