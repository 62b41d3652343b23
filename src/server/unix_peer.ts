import type { Socket } from "node:net";

const names = new WeakMap<Socket, string>();

/**
 * Names the peer of a connection to a socket file. It has no address by which grpc-js could tell what
 * it is: `getPeer` of its calls would be `unknown`.
 *
 * @param name what is said in place of an address: `unix:/run/usersvc`
 */
export function nameUnixPeer(socket: Socket, name: string): void {
  names.set(socket, name);
  Object.defineProperty(socket, "remoteAddress", { value: name });
}

/** The name of a connection's peer; undefined if it was not given one. */
export function unixPeer(socket: Socket): string | undefined {
  return names.get(socket);
}
