import type { ChannelOptions } from "@grpc/grpc-js";

/**
 * Makes the options of a channel for retries, and for the balancing of calls over several addresses.
 *
 * The first retry comes 0.1 s after the failure, each further one after twice as long, up to 2 s;
 * each of these times up to a fifth longer or shorter at random.
 *
 * @param balanced whether calls go to all addresses in turn
 * @param retries how often a call that fails UNAVAILABLE is tried again
 * @see https://github.com/grpc/grpc/blob/master/doc/service_config.md
 * @see https://github.com/grpc/proposal/blob/master/A6-client-retries.md
 */
export function serviceConfigOptions(balanced: boolean, retries: number): ChannelOptions {
  if (!balanced && retries === 0) return {};
  const retryPolicy = {
    maxAttempts: retries + 1,
    initialBackoff: "0.1s",
    maxBackoff: "2s",
    backoffMultiplier: 2,
    retryableStatusCodes: ["UNAVAILABLE"],
  };
  return {
    "grpc.service_config": JSON.stringify({
      ...(balanced ? { loadBalancingConfig: [{ round_robin: {} }] } : {}),
      // An empty name: every method of every service.
      ...(retries > 0 ? { methodConfig: [{ name: [{}], retryPolicy }] } : {}),
    }),
    "grpc-node.retry_max_attempts_limit": retries + 1,
  };
}
