import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** A server that speaks no gRPC: what it does to each connection is the test's choice. */
export async function withPeer<T>(
  onConnection: (socket: Socket) => void,
  use: (port: number) => Promise<T>,
): Promise<T> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await use((server.address() as AddressInfo).port);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** A port on which nothing listens: it was free a moment ago. */
export async function closedPort(): Promise<number> {
  return await withPeer(() => {}, (port) => Promise.resolve(port));
}

/** A relay in front of a server, for tests of a machine that vanishes without closing connections. */
export interface Relay {
  readonly port: number;
  /** From now on nothing is forwarded, while connections stay open and are accepted. */
  silence(): void;
}

/** Gives a test a relay to a port of 127.0.0.1. */
export async function withRelay(to: number, use: (relay: Relay) => Promise<void>): Promise<void> {
  const pairs: [Socket, Socket][] = [];
  let silent = false;
  await withPeer((near) => {
    if (silent) return;
    const far = connect({ host: "127.0.0.1", port: to });
    far.on("error", () => {});
    far.on("close", () => near.destroy());
    near.on("close", () => far.destroy());
    near.pipe(far).pipe(near);
    pairs.push([near, far]);
  }, (port) =>
    use({
      port,
      silence() {
        silent = true;
        for (const pair of pairs) pair.forEach((socket) => socket.unpipe().pause());
      },
    }));
}
