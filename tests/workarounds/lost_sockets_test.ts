/** A socket is not sent close behind a message. */
import assert from "node:assert/strict";
import { openOutbox } from "../../src/workarounds/lost_sockets.ts";

Deno.test("a socket goes out once all before it has a reply, and what follows goes behind it", () => {
  const sent: string[] = [];
  const outbox = openOutbox();
  const post = (name: string, alone = false) => outbox.post(() => sent.push(name), alone);
  post("drain");
  post("heartbeat");
  post("socket", true);
  post("metrics");
  assert.deepEqual(sent, ["drain", "heartbeat"]);
  outbox.replied();
  assert.deepEqual(sent, ["drain", "heartbeat"]);
  outbox.replied();
  assert.deepEqual(sent, ["drain", "heartbeat", "socket", "metrics"]);
});

Deno.test("a socket that cannot be sent holds nothing up", () => {
  const sent: string[] = [];
  const outbox = openOutbox();
  for (const name of ["first", "second", "third"]) {
    outbox.post(() => {
      sent.push(name);
      outbox.replied();
    }, true);
  }
  assert.deepEqual(sent, ["first", "second", "third"]);
});
