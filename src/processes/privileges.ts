import type { ServeOptions } from "./options.ts";

/**
 * Gives up, once a server listens, the permissions that it no longer needs: to read files without
 * TLS files to read again or a socket file to recognise, to write files without one to remove.
 */
export function dropPrivileges({ tls, endpoints }: ServeOptions): void {
  const hasSocketFile = endpoints.some((endpoint) => "path" in endpoint);
  if (tls === undefined && !hasSocketFile) Deno.permissions.revokeSync({ name: "read" });
  if (!hasSocketFile) Deno.permissions.revokeSync({ name: "write" });
}
