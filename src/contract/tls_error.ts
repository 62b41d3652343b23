// Not in tls_files.ts: main.ts catches this error, and node:crypto adds 20 ms to a start (Deno 2.9.2).

/** A TLS file cannot be used; the message names it and says why. */
export class TlsError extends Error {
  override name = "TlsError";
}
