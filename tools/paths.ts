import { fileURLToPath } from "node:url";

/** The folder of the checkout, with a slash at its end. */
export const root: string = fileURLToPath(new URL("..", import.meta.url));

/** The program's entrypoint. */
export const mainModule = `${root}src/main.ts`;

/** The folder of the bundle that `deno task build` makes. */
export const bundleFolder = `${root}dist/bundle`;
