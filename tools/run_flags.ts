/** How the program is run: its permissions, and the flags of Deno and of V8. */
import { V8_FLAGS } from "../src/processes/start_worker.ts";

/**
 * What the program may do: the executable has these permissions baked in, the launcher and the
 * tests run it with the same ones.
 */
export const permissions: readonly { readonly flag: string; readonly why: string }[] = [
  { flag: "--allow-net", why: "serve listens on, and call connects to, any address it is given" },
  { flag: "--allow-read", why: "the TLS files, files of names and of answers" },
  {
    // Deno 2.9.6 refuses the narrower --allow-sys=ca, though that is what node:tls asks for.
    flag: "--allow-sys",
    why: "call --tls trusts the authorities that the system trusts",
  },
  {
    flag: "--allow-write",
    why:
      "the socket file of serve --unix, the contract for serve -- COMMAND, the report of gauntlet",
  },
  {
    flag: "--allow-env=USERSVC_*,GRPC_*,TERM,DENO_DIR",
    why:
      "defaults of flags, a worker's task, grpc-js's and a terminal's settings, a worker's cache",
  },
  { flag: "--ignore-env", why: "every other environment variable reads as unset" },
  {
    // Which program -- COMMAND names is not known before.
    flag: "--allow-run",
    why:
      "serve and gauntlet -- COMMAND, and serve --workers, which starts itself; all else gives it up",
  },
  { flag: "--no-prompt", why: "anything else fails at once instead of asking" },
];

/** The same as arguments of `deno compile` and of `deno run`. */
export const permissionFlags: readonly string[] = permissions.map(({ flag }) => flag);

/** Where else Deno looks for its cache, and under which registry's name. */
const CACHE_VARIABLES = "HOME,XDG_CACHE_HOME,NPM_CONFIG_REGISTRY";

/** The same for the sources, whose workers have to find the packages where the supervisor does. */
export const sourcePermissionFlags: readonly string[] = permissionFlags
  .map((flag) => flag.startsWith("--allow-env=") ? `${flag},${CACHE_VARIABLES}` : flag);

/** The flags of V8, as an argument of `deno run` and of `deno compile`. */
export const v8Flags = `--v8-flags=${V8_FLAGS.join(",")}`;

/**
 * The arguments of Deno that stand before the path of a bundle's `main.js`, after which those of the
 * user follow: in the launcher, the packages and the image alike.
 *
 * Deno keeps its code cache in the folder that the environment variable DENO_DIR names, by default in
 * the user's cache folder, and does not start where there is neither; any path will do, it need not be
 * one that can be made. Set it always: workers look there too, and a folder that is only for this
 * program is faster. Without a cache the program starts more slowly.
 */
export const runFlags: readonly string[] = [
  ...["run", "--quiet", "--no-config", v8Flags],
  ...permissionFlags,
];

/** Runs this version of Deno where nothing but Node is installed. */
export const denoByNpx = `npx -y deno@${Deno.version.deno}`;
