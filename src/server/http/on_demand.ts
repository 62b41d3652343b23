import type { Socket } from "node:net";
import type { Headers } from "../../http2/fields.ts";
import type { Stream } from "../../http2/stream.ts";
import { messageOf } from "../../text/errors.ts";
import type { HttpOptions, HttpSide } from "./http_side.ts";

/**
 * Makes an {@linkcode HttpSide} that is loaded with the first that comes to it: a server that is only
 * ever called by gRPC does not pay for it.
 *
 * What comes while it cannot be loaded, for want of file descriptors, is closed.
 */
export function httpSideOnDemand(options: HttpOptions): HttpSide {
  let side: HttpSide | undefined;
  let loading: Promise<void> | undefined;
  let draining = false;
  const load = async () => {
    try {
      const { openHttpSide } = await import("./http_side.ts");
      side = openHttpSide(options);
      if (draining) side.drain();
    } catch (error) {
      loading = undefined;
      const message = `what is not gRPC cannot be answered: ${messageOf(error)}`;
      options.events.notice({ level: "error", event: "http_failed", message });
    }
  };
  const handOver = (one: Socket | Stream, take: (side: HttpSide) => void) => {
    if (side !== undefined) return take(side);
    loading ??= load();
    void loading.then(() => {
      if (one.destroyed) return;
      if (side === undefined) one.destroy();
      else take(side);
    });
  };
  return {
    connection: (socket) => handOver(socket, (side) => side.connection(socket)),
    stream: (stream: Stream, headers: Headers) =>
      handOver(stream, (side) => side.stream(stream, headers)),
    drain() {
      draining = true;
      side?.drain();
    },
    callsInFlight: () => side?.callsInFlight() ?? 0,
  };
}
