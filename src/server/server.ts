import { Server, ServerCredentials } from "@grpc/grpc-js";
import { loadContract, type UserServiceHandlers } from "../contract.ts";
import { escapeGrpcLog } from "../grpc_log.ts";
import type { ServerEvents } from "./events.ts";
import { getUserHandler } from "./get_user.ts";
import { type Endpoint, listen, type Listener } from "./listen.ts";

/** A server that accepts calls. */
export interface RunningServer extends Endpoint {
  /**
   * Stops accepting connections, tells clients to go away (GOAWAY) and waits for the calls in
   * flight. Those that are not done after the grace period are cancelled.
   *
   * @param graceMs the grace period in milliseconds
   */
  drain(graceMs: number): Promise<void>;
}

/**
 * Starts a server of `userservice.UserService`.
 *
 * @param events told about each call
 * @throws {ListenError} if the address cannot be listened on
 * @example
 * ```ts
 * const server = await startServer({ host: "::", port: 0 }, events);
 * console.log(server.port);
 * await server.drain(10_000);
 * ```
 */
export async function startServer(
  endpoint: Endpoint,
  events: ServerEvents,
): Promise<RunningServer> {
  escapeGrpcLog((level, message) => events.notice({ level, event: "grpc_log", message }));
  const { service } = await loadContract();
  const server = new Server();
  const handlers: UserServiceHandlers = { GetUser: getUserHandler(events) };
  server.addService(service, handlers);
  const injector = server.createConnectionInjector(
    ServerCredentials.createInsecure(),
  );
  const listener = await listen(
    endpoint,
    (socket) => {
      events.connectionOpened();
      socket.once("close", () => events.connectionClosed());
      injector.injectConnection(socket);
    },
  );
  return {
    host: listener.host,
    port: listener.port,
    drain: (graceMs) => drain(server, listener, graceMs),
  };
}

async function drain(
  server: Server,
  listener: Listener,
  graceMs: number,
): Promise<void> {
  const closed = listener.close();
  // Its callback comes too early on Deno, whose http2 server marks each session as closed before
  // grpc-js can wait for it; the connections tell when the last call is done.
  server.tryShutdown(() => {});
  const timer = setTimeout(() => {
    server.forceShutdown();
    listener.destroyConnections();
  }, graceMs);
  await closed;
  clearTimeout(timer);
}
