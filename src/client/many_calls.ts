import { subscribe } from "node:diagnostics_channel";
import type { ClientHttp2Stream, Http2Session } from "node:http2";
import { sendOncePerTurn } from "../workarounds/send_once.ts";
import type { ChannelArguments } from "./channel.ts";

/** Where node:http2 tells of each stream that a client opens; grpc-js keeps its sessions to itself. */
const STREAMS = "http2.client.stream.created";

/**
 * Prepares a channel, and with it this process, for many calls: what they send in one turn of the
 * event loop leaves together. 40,000 calls took 4.4 s with it, 5.1 s without (medians of eight
 * interleaved runs, Deno 2.9.2, 2 cores; the quickest differ by less).
 */
export function forManyCalls([address, credentials, options]: ChannelArguments): ChannelArguments {
  const sessions = new WeakSet<Http2Session>();
  subscribe(STREAMS, (message) => {
    const { stream } = message as { stream: ClientHttp2Stream };
    const { session } = stream;
    if (session === undefined || sessions.has(session)) return;
    sessions.add(session);
    sendOncePerTurn(session, session.socket, stream);
  });
  return [address, credentials, { ...options, "grpc.enable_channelz": 0 }];
}
