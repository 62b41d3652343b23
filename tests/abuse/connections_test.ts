/** As many connections as a process keeps, and more. */
import { LIMITS } from "../../src/server/limits.ts";
import { linuxServeTest } from "../support/program.ts";
import { HELLO } from "../support/frames.ts";
import { connectPeer, type Peer } from "../support/http2_peer.ts";
import { answersOverTcp, assertAlive, assertNoStack } from "./survival.ts";

const MORE = 50;

/** Opens a connection, which is in use until it is closed. */
async function open(port: number): Promise<Peer> {
  const peer = await connectPeer(port);
  await peer.send(HELLO);
  return peer;
}

linuxServeTest(
  "connections beyond the limit are closed, those before it are served",
  async (server) => {
    const peers: Peer[] = [];
    const attack = async () => {
      while (peers.length < LIMITS.connections + MORE) peers.push(await open(server.port));
      await Promise.all(peers.slice(-MORE).map((peer) => peer.closed()));
      await Promise.all([peers[0]!, peers[LIMITS.connections - 1]!].map((peer) => peer.settle()));
      for (const peer of peers) peer.close();
    };
    await assertAlive(server, attack());
    await assertAlive(server, untilAnswered(server));
    assertNoStack(server.stderr.text);
  },
  [],
  ["-n", `${LIMITS.connections + 1_000}`],
);

/** Until the server has seen that there is room again, it closes a new connection. */
async function untilAnswered(server: { readonly port: number }): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    const answered = await answersOverTcp(server).then(() => true, () => false);
    if (answered) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await answersOverTcp(server);
}
