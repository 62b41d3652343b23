/**
 * Tells of a fault of the Deno that runs a server.
 *
 * Measured with h2load, 2 x 40,000 calls: Deno 2.9.2 and 2.9.3 stayed up in 24 of 24 runs, while
 * 2.9.4, 2.9.5, 2.9.6 and 2.9.8 died in 2 to 6 of 6. 2.9.7, which lies between them, counts with
 * them.
 *
 * @param version as in `Deno.version.deno`
 * @returns one line of warning, or undefined if no fault is known
 * @see https://github.com/denoland/deno/issues/36788
 */
export function denoFault(version: string): string | undefined {
  if (!/^2\.9\.[4-8]$/.test(version)) return undefined;
  return `Deno ${version} can crash when connections close under load ` +
    `(https://github.com/denoland/deno/issues/36788); use Deno 2.9.2`;
}
