/** The suite's server on grpc-js alone: `server.ts DESCRIPTORS`. */
import "./http2.ts";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import { addConformance, withoutOk } from "./grpc_service.ts";
import { serveSuite, type WantedServer } from "./suite.ts";

function credentials({ useTls, serverCreds, clientTlsCert }: WantedServer): ServerCredentials {
  if (!useTls) return ServerCredentials.createInsecure();
  const cert_chain = Buffer.from(serverCreds!.cert), private_key = Buffer.from(serverCreds!.key);
  const mutual = clientTlsCert.length > 0;
  // Deno fails every handshake of a server that has no root certificates.
  const roots = mutual ? Buffer.from(clientTlsCert) : cert_chain;
  return ServerCredentials.createSsl(roots, [{ cert_chain, private_key }], mutual);
}

await serveSuite((wanted) => {
  const limit = wanted.messageReceiveLimit;
  const server = new Server({
    interceptors: [withoutOk],
    ...(limit === 0 ? {} : { "grpc.max_receive_message_length": limit }),
  });
  addConformance(server);
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", credentials(wanted), (error, port) => {
      if (error) reject(error);
      else resolve(port);
    });
  });
});
