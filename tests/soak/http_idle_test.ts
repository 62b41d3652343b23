/** The longer time limits of HTTP/1.1; the shorter ones are in tests/abuse/http_test.ts. */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { GET_USER } from "../http_client.ts";
import { linuxTest, withServe } from "../program.ts";

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

linuxTest(
  "a request has 30 s to come, a connection waits 1 min for the next",
  () =>
    withServe(async ({ port }) => {
      const slow = `POST ${GET_USER} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n` +
        "content-length: 100\r\n\r\n";
      const seconds = await Promise.all([
        secondsOf(port, slow + " ".repeat(100), slow.length),
        secondsOf(port, "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"),
      ]);
      assert.deepEqual(seconds, [30, 60]);
    }),
);
