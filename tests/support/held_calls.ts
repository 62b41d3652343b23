/**
 * Prints how many of 300 calls a server still holds after they were answered, when V8 has looked at
 * its young objects only. Needs `--v8-flags=--expose-gc`.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Stream } from "../../src/http2/stream.ts";
import { startOwnServer } from "./own_server.ts";
import { finishCall, openSession, startCall } from "./raw_client.ts";

declare const gc: (options: { type: "minor" | "major" }) => void;

const { port, drain, close } = await startOwnServer({});
const session = await openSession(port);

let calls: WeakRef<object>[] = [];
const { respond } = Stream.prototype;
Stream.prototype.respond = function (...args) {
  const call = {};
  calls.push(new WeakRef(call));
  this.on("aborted", () => call);
  respond.apply(this, args);
};

async function make(count: number): Promise<void> {
  const caller = async () => {
    while (calls.length < count) await finishCall(startCall(session), "Alice");
  };
  await Promise.all(Array.from({ length: 16 }, caller));
}

await make(300);
// What the server has now becomes old.
gc({ type: "major" });
calls = [];
await make(300);
await sleep(100);
gc({ type: "minor" });
await sleep(100);
console.log(calls.filter((call) => call.deref() !== undefined).length);
session.destroy();
close();
await drain(0);
