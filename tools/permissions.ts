/**
 * What the program may do: the executable has these permissions baked in, the launcher and the
 * tests run it with the same ones.
 */
export const permissions: readonly { flag: string; why: string }[] = [
  { flag: "--allow-net", why: "serve listens on, and call connects to, any address it is given" },
  { flag: "--allow-read", why: "the TLS files, and the contract of server reflection" },
  { flag: "--allow-write", why: "serve --unix makes, replaces and removes its socket file" },
  {
    flag: "--allow-env=USERSVC_ADDRESS,GRPC_*",
    why: "the default address, and grpc-js's own settings",
  },
  { flag: "--ignore-env", why: "every other environment variable reads as unset" },
  { flag: "--no-prompt", why: "anything else fails at once instead of asking" },
];

/** The same as arguments of `deno run` and `deno compile`. */
export const permissionFlags: readonly string[] = permissions.map(({ flag }) => flag);
