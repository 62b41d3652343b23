/** buf, whose `buf curl` calls by gRPC, gRPC-Web and Connect, in Go. */
import { installOnce, npmPeer } from "./install.ts";

const processor = Deno.build.arch === "x86_64" ? "x64" : Deno.build.arch;

/**
 * Installs buf for Linux unless it is there.
 *
 * @returns its path
 * @throws {Error} if it cannot be installed; the message says what is missing
 */
export const buf: () => Promise<string> = installOnce(
  npmPeer("buf", "@bufbuild/buf@1.75.0", `@bufbuild/buf-linux-${processor}/bin/buf`),
);
