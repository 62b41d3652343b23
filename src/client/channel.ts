import {
  Channel,
  type ChannelCredentials,
  type ChannelOptions,
  type ClientOptions,
  connectivityState,
  credentials,
} from "@grpc/grpc-js";
import { escapeGrpcLog } from "../workarounds/grpc_log.ts";
import type { Connection } from "./connection.ts";
import { callInterceptor } from "./interceptor.ts";
import { mendGrpcClient } from "../workarounds/grpc_client.ts";
import { noteUnary } from "../workarounds/whole_answers.ts";
import { serviceConfig } from "./service_config.ts";

/** What the constructor of a grpc-js client takes. */
export type ChannelArguments = readonly [
  address: string,
  credentials: ChannelCredentials,
  options: ClientOptions,
];

/** How soon a connection that failed is tried again at first, and at last, in milliseconds. */
const RECONNECT_MS = { first: 100, last: 1_000 };

/**
 * Turns a connection into the arguments of a grpc-js client, whose channel is not open yet.
 *
 * @throws {TlsError} if a TLS file cannot be used
 */
export async function channelArguments(connection: Connection): Promise<ChannelArguments> {
  const { target, tls, retries, trace } = connection;
  escapeGrpcLog(trace && ((_, message) => trace(`* grpc-js: ${message}`)));
  mendGrpcClient();
  const [channelCredentials, tlsOptions] = tls === undefined
    ? [credentials.createInsecure(), {}]
    : await (await import("./tls.ts")).tlsChannel(target, tls);
  const traced = trace && (await import("./trace.ts")).traced(trace);
  let channel: Channel | undefined;
  const isConnected = () => channel?.getConnectivityState(false) === connectivityState.READY;
  return [target.uri, channelCredentials, {
    ...tlsOptions,
    ...policy(target.balanced, retries),
    // The proxies that environment variables name are for the web.
    "grpc.enable_http_proxy": 0,
    // Otherwise grpc-js asks DNS for a TXT record before each channel connects.
    "grpc.service_config_disable_resolution": 1,
    "grpc.initial_reconnect_backoff_ms": RECONNECT_MS.first,
    "grpc.max_reconnect_backoff_ms": RECONNECT_MS.last,
    // A name that is unknown until the server is up is asked for as often.
    "grpc.dns_min_time_between_resolutions_ms": RECONNECT_MS.last,
    interceptors: [
      callInterceptor(connection, isConnected),
      ...(traced ? [traced.interceptor] : []),
      noteUnary,
    ],
    channelFactoryOverride: (...args) => channel = (traced?.openChannel ?? openChannel)(...args),
  }];
}

/** As grpc-js does; what is no option of a channel has been taken out by the client. */
function openChannel(
  address: string,
  credentials: ChannelCredentials,
  options: ClientOptions,
): Channel {
  return new Channel(address, credentials, options as ChannelOptions);
}

function policy(balanced: boolean, retries: number): ChannelOptions {
  if (!balanced && retries === 0) return {};
  return {
    "grpc.service_config": serviceConfig({ balanced, retries }),
    "grpc-node.retry_max_attempts_limit": retries + 1,
  };
}
