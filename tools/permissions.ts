/**
 * What the program may do: the executable has these permissions baked in, the launcher and the
 * tests run it with the same ones.
 */
export const permissions: readonly { flag: string; why: string }[] = [
  { flag: "--allow-net", why: "serve listens on, and call connects to, any address it is given" },
  {
    flag: "--allow-read",
    why: "the TLS files, files of names and of answers",
  },
  {
    // Deno 2.9.6 refuses the narrower --allow-sys=ca, though that is what node:tls asks for.
    flag: "--allow-sys",
    why: "call --tls trusts the authorities that the system trusts",
  },
  { flag: "--allow-write", why: "serve --unix makes, replaces and removes its socket file" },
  {
    flag: "--allow-env=USERSVC_*,GRPC_*,TERM,DENO_DIR",
    why:
      "defaults of flags, a worker's task, grpc-js's and a terminal's settings, a worker's cache",
  },
  { flag: "--ignore-env", why: "every other environment variable reads as unset" },
  {
    // The path of an executable is not known when it is built.
    flag: "--allow-run",
    why: "serve --workers starts itself; all else gives this up before it does anything",
  },
  { flag: "--no-prompt", why: "anything else fails at once instead of asking" },
];

/** The same as arguments of `deno compile`. */
export const permissionFlags: readonly string[] = permissions.map(({ flag }) => flag);

/**
 * The same as arguments of `deno run`, where the one program to start is known: this Deno. A path with
 * a comma cannot be named, because Deno takes the comma for its end; `serve` may then start any program.
 */
export function permissionFlagsOf(deno: string): string[] {
  if (deno.includes(",")) return [...permissionFlags];
  return permissionFlags.map((flag) => flag === "--allow-run" ? `--allow-run=${deno}` : flag);
}

// Where else Deno looks for its cache, and under which registry's name.
const CACHE_VARIABLES = "HOME,XDG_CACHE_HOME,NPM_CONFIG_REGISTRY";

/** The same for the sources, whose workers have to find the packages where the supervisor does. */
export const sourcePermissionFlags: readonly string[] = permissionFlagsOf(Deno.execPath()).map((
  flag,
) => flag.startsWith("--allow-env=") ? `${flag},${CACHE_VARIABLES}` : flag);
