/** The certificates of the tests, and the flags that name them. */
import { fileURLToPath } from "node:url";

/** The path of a file in tests/certs/. */
export function cert(name: string): string {
  return fileURLToPath(new URL(`../certs/${name}`, import.meta.url));
}

/** The flags with which either side shows a certificate of tests/certs/. */
export function identity(certificate: string, key = certificate): readonly string[] {
  return ["--tls-cert", cert(`${certificate}.pem`), "--tls-key", cert(`${key}.key`)];
}

/** Flags of `serve`: TLS. */
export const SERVE_TLS = identity("server");

/** Flags of `serve`: TLS, for clients with a certificate alone. */
export const SERVE_MTLS = [...SERVE_TLS, "--tls-client-ca", cert("ca.pem")];

/** Flags of `call` and `check` for such servers. */
export const CALL_TLS = ["--tls", "--tls-ca", cert("ca.pem")];

/** Gives a test one file with several of tests/certs/, in this order. */
export async function withCertFile(
  names: readonly string[],
  use: (path: string) => Promise<void>,
): Promise<void> {
  const path = await Deno.makeTempFile({ prefix: "usersvc-certs-", suffix: ".pem" });
  try {
    const texts = await Promise.all(names.map((name) => Deno.readTextFile(cert(name))));
    await Deno.writeTextFile(path, texts.join(""));
    await use(path);
  } finally {
    await Deno.remove(path);
  }
}
