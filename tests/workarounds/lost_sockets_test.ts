/** A socket is not sent close behind a message. */
import assert from "node:assert/strict";
import { openOutbox } from "../../src/workarounds/lost_sockets.ts";

Deno.test("a socket goes out once the message before it has a reply, and the rest behind it", () => {
  const sent: string[] = [];
  const outbox = openOutbox();
  const post = (name: string, withSocket = false) => outbox.post(() => sent.push(name), withSocket);
  post("drain");
  post("heartbeat");
  post("socket", true);
  post("metrics");
  assert.deepEqual(sent, ["drain", "heartbeat"]);
  outbox.replied(1);
  assert.deepEqual(sent, ["drain", "heartbeat"]);
  outbox.replied(2);
  assert.deepEqual(sent, ["drain", "heartbeat", "socket", "metrics"]);
});

Deno.test("a socket does not wait for the reply to a message that was read long ago", () => {
  const sent: string[] = [];
  const outbox = openOutbox();
  for (const name of ["reload", "heartbeat"]) outbox.post(() => sent.push(name), false);
  outbox.replied(2);
  outbox.post(() => sent.push("socket"), true);
  assert.deepEqual(sent, ["reload", "heartbeat", "socket"]);
});

Deno.test("a socket that cannot be sent holds nothing up", () => {
  const sent: number[] = [];
  const outbox = openOutbox();
  for (const number of [1, 2, 3]) {
    outbox.post(() => {
      sent.push(number);
      outbox.replied(number);
    }, true);
  }
  assert.deepEqual(sent, [1, 2, 3]);
});
