/** A server in raw frames for tests, which answers whatever a test wants. */
import type { Buffer } from "node:buffer";
import {
  type Asked,
  greet,
  type Greeting,
  serveConnection,
} from "../../src/gauntlet/connection.ts";
import { GREETING, SERVING, stringIn } from "./frames.ts";
import { withPeer } from "./tcp_peer.ts";

/** The names of services that are asked for by `check` begin so, for the server to tell them apart. */
export const HEALTH = "health:";

/**
 * Gives a test a server on 127.0.0.1.
 *
 * @param answer is told each call whose request is complete, with the username, or, for a check, with
 * the name of the service; one that says nothing leaves it without an answer
 */
export async function withHttp2Server<T>(
  answer: (call: Asked, name: string) => void,
  use: (port: number) => Promise<T>,
  greeting: Greeting = greet,
): Promise<T> {
  const attempts = new Map<string, number>();
  const onRequest = (request: Buffer, call: Omit<Asked, "hello" | "attempt">) => {
    const asked = nameIn(request);
    const isHealth = asked.startsWith(HEALTH);
    const name = isHealth ? asked.slice(HEALTH.length) : asked;
    const attempt = (attempts.get(asked) ?? 0) + 1;
    attempts.set(asked, attempt);
    // A check of the server as a whole has no name.
    const hello = isHealth || name === "" ? SERVING : GREETING;
    answer({ ...call, hello, attempt }, name);
  };
  return await withPeer((socket) => serveConnection(socket, greeting, { onRequest }), use);
}

/** Gives a test a server that accepts every call and never answers one. */
export function withMutePeer(use: (port: number) => Promise<void>): Promise<void> {
  return withHttp2Server(() => {}, use);
}

/** Field 1 of a request, behind the prefix of five bytes; of both services a string. */
function nameIn(request: Buffer): string {
  return stringIn(request.subarray(5, 5 + request.readUInt32BE(1)));
}
