import { type ChannelCredentials, type ChannelOptions, credentials } from "@grpc/grpc-js";
import { escapeGrpcLog } from "../grpc_log.ts";
import type { Target } from "./target.ts";

/** How a server is reached. */
export interface Connection {
  /** The server. */
  readonly target: Target;
}

/** What the constructor of a grpc-js client takes. */
export type ChannelArguments = readonly [
  address: string,
  credentials: ChannelCredentials,
  options: ChannelOptions,
];

/** Turns a connection into the arguments of a grpc-js client, whose channel is not open yet. */
export function channelArguments({ target }: Connection): ChannelArguments {
  escapeGrpcLog();
  return [target.uri, credentials.createInsecure(), {
    // The proxies that environment variables name are for the web.
    "grpc.enable_http_proxy": 0,
    // Otherwise grpc-js asks DNS for a TXT record before each channel connects.
    "grpc.service_config_disable_resolution": 1,
  }];
}
