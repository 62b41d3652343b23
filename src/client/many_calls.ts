import type { ChannelCredentials } from "@grpc/grpc-js";
import { coalesceWrites } from "../coalesce.ts";
import type { ChannelArguments } from "./channel.ts";

/**
 * Prepares a channel for many calls: what they write in one turn of the event loop leaves with one
 * system call. 20,000 calls took 12 and 16 s with it, 17 and 23 s without (two interleaved runs of
 * `call --file` on a busy machine with 2 cores, Deno 2.9.2).
 */
export function forManyCalls([address, credentials, options]: ChannelArguments): ChannelArguments {
  coalesceConnections(credentials);
  return [address, credentials, { ...options, "grpc.enable_channelz": 0 }];
}

/** Where the sockets of grpc-js can be had: once they are connected, TLS included. */
function coalesceConnections(credentials: ChannelCredentials): void {
  const createConnector = credentials._createSecureConnector.bind(credentials);
  credentials._createSecureConnector = (...args) => {
    const connector = createConnector(...args);
    const connect = connector.connect.bind(connector);
    connector.connect = async (socket) => {
      const connected = await connect(socket);
      coalesceWrites(connected.socket);
      return connected;
    };
    return connector;
  };
}
