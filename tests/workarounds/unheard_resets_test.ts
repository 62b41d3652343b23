/** src/workarounds/unheard_resets.ts. */
import { Http2SubchannelConnector } from "@grpc/grpc-js/build/src/transport.js";
import type { Socket } from "node:net";
import { changeGrpc } from "../../src/workarounds/private_parts.ts";
import { hearResets } from "../../src/workarounds/unheard_resets.ts";
import { programTest } from "../support/program.ts";
import { withPeer } from "../support/tcp_peer.ts";
import { inTime } from "../support/waits.ts";

interface Connector {
  tcpConnect(address: object, options: object): Promise<Socket>;
}

programTest("a connection that is reset before its session is a failed try", async () => {
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
