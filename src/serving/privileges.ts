import type { ServeOptions } from "./options.ts";

/**
 * Gives up, once a server listens, the permissions that it no longer needs: to read files without
 * TLS files to read again, to write files without a socket file to remove.
 */
export function dropPrivileges({ tls, endpoints }: ServeOptions): void {
  const hasSocketFile = endpoints.some((endpoint) => "path" in endpoint);
  if (tls === undefined) Deno.permissions.revokeSync({ name: "read" });
  if (!hasSocketFile) Deno.permissions.revokeSync({ name: "write" });
}
