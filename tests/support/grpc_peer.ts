/** A gRPC server of grpc-js in the test's process: what usersvc serve does not do, it can. */
import { Buffer } from "node:buffer";
import type { Metadata, Server, ServerCredentials } from "@grpc/grpc-js";
import { loadContract } from "../../src/contract/contract.ts";
import { cert } from "./certs.ts";

/** The server and what reached it. */
export interface GrpcPeer {
  readonly port: number;
  /** The request metadata of each call. */
  readonly calls: readonly Metadata[];
}

/**
 * Starts a server that answers "hello", on 127.0.0.1 and ::1, and stops it afterwards.
 *
 * @param identity the name of a certificate and its key in tests/certs/; undefined for plain text
 */
export async function withGrpcPeer<T>(
  identity: string | undefined,
  use: (peer: GrpcPeer) => Promise<T>,
): Promise<T> {
  const { UserService } = await loadContract();
  // A bare `deno test` has no permission to load it.
  const { Server, ServerCredentials } = await import("@grpc/grpc-js");
  const calls: Metadata[] = [];
  const server = new Server();
  const credentials = identity === undefined
    ? ServerCredentials.createInsecure()
    // With `null` as its roots, what grpc-js makes of none, Deno 2.9.2 fails every handshake.
    : ServerCredentials.createSsl(...tlsArguments(identity));
  server.addService(UserService.service, {
    GetUser: (call: { metadata: Metadata }, done: (error: null, answer: object) => void) => {
      calls.push(call.metadata);
      done(null, { message: "hello" });
    },
  });
  const port = await listen(server, "127.0.0.1:0", credentials);
  await listen(server, `[::1]:${port}`, credentials);
  try {
    return await use({ port, calls });
  } finally {
    server.forceShutdown();
  }
}

function listen(server: Server, address: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) =>
    server.bindAsync(address, credentials, (error, port) => error ? reject(error) : resolve(port))
  );
}

function tlsArguments(identity: string): Parameters<typeof ServerCredentials.createSsl> {
  const [cert_chain, private_key] = [`${identity}.pem`, `${identity}.key`]
    .map((name) => Buffer.from(Deno.readFileSync(cert(name)))) as [Buffer, Buffer];
  return [cert_chain, [{ cert_chain, private_key }], false];
}
