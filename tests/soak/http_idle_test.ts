/** The longer time limits of HTTP/1.1; the shorter ones are in tests/abuse/http_test.ts. */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { GET_USER } from "../support/http_client.ts";
import { linuxServeTest } from "../support/program.ts";

/** Sends text, byte by byte from `slowFrom` on, reads until the end; returns the seconds it took. */
async function secondsOf(port: number, text: string, slowFrom = text.length): Promise<number> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const start = performance.now();
  const send = async (part: string) => void await connection.write(new TextEncoder().encode(part));
  const sending = (async () => {
    await send(text.slice(0, slowFrom));
    for (const byte of text.slice(slowFrom)) {
      await pause(1_000);
      await send(byte);
    }
  })().catch(() => {});
  const chunk = new Uint8Array(4_096);
  while (await connection.read(chunk).catch(() => null) !== null);
  const seconds = Math.round((performance.now() - start) / 1_000);
  await sending;
  return seconds;
}

linuxServeTest(
  "a request has 30 s to come, a connection waits 1 min for the next",
  async ({ port }) => {
    const slow = `POST ${GET_USER} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n` +
      "content-length: 100\r\n\r\n";
    const seconds = await Promise.all([
      secondsOf(port, slow + " ".repeat(100), slow.length),
      secondsOf(port, "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"),
    ]);
    assert.deepEqual(seconds, [30, 60]);
  },
);

/** How many bytes wait on the server's side of a connection, as Linux tells; 0 where it is closed. */
async function untaken(serverPort: number, clientPort: number): Promise<number> {
  const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, "0");
  const tables = await Promise.all(
    ["tcp", "tcp6"].map((name) => Deno.readTextFile(`/proc/net/${name}`)),
  );
  const side = new RegExp(
    `:${hex(serverPort)} [0-9A-F]+:${hex(clientPort)} 01 ([0-9A-F]{8}):`,
  );
  return parseInt(side.exec(tables.join("\n"))?.[1] ?? "0", 16);
}

linuxServeTest(
  "an answer that nobody takes ends the connection after 30 s, one that comes late does not",
  async ({ port }) => {
    const late = fetch(`http://127.0.0.1:${port}${GET_USER}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"username":"Ann"}',
    }).then((response) => response.text());
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    const clientPort = (connection.localAddr as Deno.NetAddr).port;
    const pages = new TextEncoder().encode("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    // Until neither side of the connection has room for more.
    for (let before = -1, same = 0; same < 2;) {
      await connection.write(pages);
      await pause(30);
      const now = await untaken(port, clientPort);
      same = now > 200_000 && now === before ? same + 1 : 0;
      before = now;
    }
    const start = performance.now();
    while (await untaken(port, clientPort) > 0 && performance.now() - start < 60_000) {
      await pause(100);
    }
    const seconds = (performance.now() - start) / 1_000;
    assert.ok(seconds > 27 && seconds < 33, `${seconds} s`);
    assert.match(await late, /Ann/);
  },
  ["--delay", "40s"],
);
