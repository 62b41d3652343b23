/**
 * Deno crashes when connections close under load.
 *
 * - What is wrong: the process ends with `free(): invalid pointer` or an assertion of nghttp2.
 * - Versions: Deno 2.9.4 to 2.9.8; not 2.9.2 and 2.9.3.
 * - Upstream: https://github.com/denoland/deno/issues/36788
 * - Measured: h2load, 2 x 40,000 calls: 2.9.2 and 2.9.3 stayed up in 24 of 24 runs, while 2.9.4, 2.9.5,
 *   2.9.6 and 2.9.8 died in 2 to 6 of 6. 2.9.7, which lies between them, counts with them.
 * - Fails: without it the test of `denoFault` in tests/values_test.ts, which names these versions.
 * - It can go when the versions that crash are no longer in use.
 */

/**
 * Tells of a fault of the Deno that runs a server.
 *
 * @param version as in `Deno.version.deno`
 * @returns one line of warning, or undefined if no fault is known
 */
export function denoFault(version: string): string | undefined {
  if (!/^2\.9\.[4-8]$/.test(version)) return undefined;
  return `Deno ${version} can crash when connections close under load ` +
    `(https://github.com/denoland/deno/issues/36788); use Deno 2.9.2`;
}
