/** A TLS file cannot be used; the message names it and says why. */
export class TlsError extends Error {
  override name = "TlsError";
}
