import type { Socket } from "node:net";
import { LIMITS, PREFACE_BYTES } from "./limits.ts";

/**
 * Closes a connection that does not begin with HTTP/2 in time; grpc-js would keep it for ever.
 *
 * @param isReady whether what has to come before HTTP/2, a TLS handshake, is over
 */
export function limitStart(socket: Socket, isReady: () => boolean): void {
  const timer = setTimeout(() => {
    if (socket.bytesRead < PREFACE_BYTES || !isReady()) socket.destroy();
  }, LIMITS.prefaceMs);
  socket.once("close", () => clearTimeout(timer));
}
