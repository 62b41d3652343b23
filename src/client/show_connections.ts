import type { Socket } from "node:net";
import { formatEndpoint } from "../contract/endpoint.ts";
import type { Observer } from "../http2/session.ts";
import { connectionPrinter, type WireOptions } from "../wire/connection.ts";
import type { Target } from "./target.ts";

/** How many connections of this process have been shown. */
let shown = 0;

/**
 * Makes what shows each connection that is opened, with its number in this process: `#1`.
 *
 * @param target the name of the server where the socket does not say its address
 */
export function showConnections(
  wire: WireOptions,
  target: Target,
): (socket: Socket) => Observer {
  const show = connectionPrinter(wire);
  return ({ remoteAddress: host, remotePort: port }) => {
    const known = host !== undefined && port !== undefined;
    return show(`#${++shown}`, known ? formatEndpoint({ host, port }) : target.name);
  };
}
