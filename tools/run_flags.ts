/** How a bundle is run, by the launcher, the packages and the image alike. */
import { permissionFlagsOf } from "./permissions.ts";

/**
 * V8 flags; the executable has them baked in.
 *
 * Functions are compiled before they are called: then V8's code cache holds them, and only the
 * first start compiles any. The young objects of a whole call fit into 8 MB, so none are collected.
 */
export const v8Flags: readonly string[] = ["--no-lazy", "--min-semi-space-size=8"];

/**
 * The arguments of Deno that stand before the path of `main.js`, after which those of the user
 * follow. Deno keeps its code cache in DENO_DIR, by default in the user's cache folder; without one
 * the program starts more slowly.
 *
 * @param deno the path of this Deno, the one program that it may start
 */
export function runFlags(deno: string): string[] {
  return [
    ...["run", "--quiet", "--no-config"],
    `--v8-flags=${v8Flags.join(",")}`,
    ...permissionFlagsOf(deno),
  ];
}
