import {
  Channel,
  type ChannelCredentials,
  type ChannelOptions,
  type ClientOptions,
  connectivityState,
  credentials,
} from "@grpc/grpc-js";
import { takeGrpcLog } from "../contract/grpc_log.ts";
import type { ConnectionOptions } from "./connection_options.ts";
import { callInterceptor } from "./interceptor.ts";
import { serviceConfigOptions } from "./retries.ts";
import { observeConnections, useOwnHttp2 } from "../workarounds/own_http2.ts";
import { noteUnary, readOddAnswers } from "../workarounds/odd_answers.ts";
import { changeGrpc } from "../workarounds/private_parts.ts";
import { readWholeMessages } from "../workarounds/stream_decoder.ts";
import { hearResets } from "../workarounds/unheard_resets.ts";

/** What the constructor of a grpc-js client takes. */
type ChannelArguments = readonly [
  address: string,
  credentials: ChannelCredentials,
  options: ClientOptions,
];

/** How soon a connection that failed is tried again at first, and at last, in milliseconds. */
const RECONNECT_MS = { first: 100, last: 1_000 };

/**
 * Turns a connection into the arguments of a grpc-js client, whose channel is not open yet.
 *
 * @throws {ExpectedError} if a TLS file cannot be used
 */
export async function channelArguments(connection: ConnectionOptions): Promise<ChannelArguments> {
  const { target, tls, retries, keepaliveMs, trace, wire } = connection;
  takeGrpcLog((_, message) => {
    if (trace) trace(`* grpc-js: ${message}`);
    else if (isGrpcLogWanted()) connection.log?.(`grpc-js: ${message}`);
  });
  changeGrpc(useOwnHttp2, readWholeMessages, readOddAnswers, hearResets);
  if (wire !== undefined) {
    const { showConnections } = await import("./show_connections.ts");
    observeConnections(showConnections(wire, target));
  }
  const [channelCredentials, tlsOptions] = tls === undefined
    ? [credentials.createInsecure(), {}]
    : await (await import("./tls_options.ts")).tlsChannel(target, tls);
  const tracer = trace && (await import("./trace.ts")).traceTo(trace, wire?.secrets ?? true);
  let channel: Channel | undefined;
  const isConnected = () => channel?.getConnectivityState(false) === connectivityState.READY;
  return [target.uri, channelCredentials, {
    ...tlsOptions,
    // It would count each call for a service that nobody asks here.
    "grpc.enable_channelz": 0,
    ...serviceConfigOptions(target.balanced, retries),
    ...keepaliveOptions(keepaliveMs),
    // grpc-js would use the proxies for web traffic that environment variables name.
    "grpc.enable_http_proxy": 0,
    // Otherwise grpc-js asks DNS for a TXT record before each channel connects.
    "grpc.service_config_disable_resolution": 1,
    "grpc.initial_reconnect_backoff_ms": RECONNECT_MS.first,
    "grpc.max_reconnect_backoff_ms": RECONNECT_MS.last,
    // The name of a server may not resolve until the server is up: each new attempt resolves it again.
    "grpc.dns_min_time_between_resolutions_ms": RECONNECT_MS.last,
    interceptors: [
      callInterceptor(connection, isConnected),
      ...(tracer ? [tracer.interceptor] : []),
      noteUnary,
    ],
    channelFactoryOverride(address, credentials, channelOptions) {
      // grpc-js's client has already removed the options that are not a channel's.
      channel = new Channel(address, credentials, channelOptions as ChannelOptions);
      tracer?.watch(channel);
      return channel;
    },
  }];
}

/**
 * Whether the environment asks for messages of grpc-js. Otherwise they are not shown: the status of a
 * call says all that its caller has to know.
 */
function isGrpcLogWanted(): boolean {
  return ["GRPC_NODE_VERBOSITY", "GRPC_VERBOSITY"].some((name) => Deno.env.get(name));
}

/** How long an answer to a ping is awaited at most, in milliseconds. */
const MAX_PING_MS = 20_000;

/**
 * Pings are sent only while calls are in flight: servers close connections that send any without.
 *
 * @see https://github.com/grpc/proposal/blob/master/A8-client-side-keepalive.md
 */
function keepaliveOptions(keepaliveMs: number | undefined): ChannelOptions {
  if (keepaliveMs === undefined) return {};
  return {
    "grpc.keepalive_time_ms": keepaliveMs,
    "grpc.keepalive_timeout_ms": Math.min(keepaliveMs, MAX_PING_MS),
  };
}
