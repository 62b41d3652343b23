/** src/workarounds/unheard_resets.ts. */
import type { Socket } from "node:net";
import { programTest } from "../support/program.ts";
import { withPeer } from "../support/tcp_peer.ts";
import { inTime } from "../support/waits.ts";

interface Connector {
  tcpConnect(address: object, options: object): Promise<Socket>;
}

programTest("a connection that is reset before its session is a failed try", async () => {
  // A bare `deno test` may not load grpc-js, which reads the environment.
  const { Http2SubchannelConnector } = await import("@grpc/grpc-js/build/src/transport.js");
  const { changeGrpc } = await import("../../src/workarounds/private_parts.ts");
  const { hearResets } = await import("../../src/workarounds/unheard_resets.ts");
  changeGrpc(hearResets);
  await withPeer(() => {}, async (port) => {
    const connector = Http2SubchannelConnector.prototype as unknown as Connector;
    const socket = await connector.tcpConnect({ host: "127.0.0.1", port }, {});
    const closed = new Promise((resolve) => socket.once("close", resolve));
    // An error that nobody hears ends this test, as it would end the program.
    socket.destroy(new Error("reset"));
    await inTime("the end of the connection", closed);
  });
});
