import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

/** A server that speaks no gRPC: what it does to each connection is the test's choice. */
export async function withPeer(
  onConnection: (socket: Socket) => void,
  use: (port: number) => Promise<void>,
): Promise<void> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await use((server.address() as AddressInfo).port);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** A port on which nothing listens: it was free a moment ago. */
export async function closedPort(): Promise<number> {
  let closed = 0;
  await withPeer(() => {}, (port) => Promise.resolve(void (closed = port)));
  return closed;
}
