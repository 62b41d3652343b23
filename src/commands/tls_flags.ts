/** The flags `--tls-cert` and `--tls-key`, which every command that has them takes together. */
import { UsageError } from "../cli/command.ts";

/**
 * The files of a certificate and its private key, as they were given.
 *
 * @returns undefined if neither was given
 * @throws {UsageError} if one was given without the other
 */
export function certAndKey(
  cert: string | undefined,
  key: string | undefined,
): { readonly cert: string; readonly key: string } | undefined {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined) throw new UsageError("--tls-key needs --tls-cert");
  if (key === undefined) throw new UsageError("--tls-cert needs --tls-key");
  return { cert, key };
}
