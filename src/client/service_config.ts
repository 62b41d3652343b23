/** What of a channel's behaviour gRPC describes by a service config. */
export interface Behaviour {
  /** Calls go to all addresses in turn, not to the first that answers. */
  readonly balanced: boolean;
  /** How often a call that failed with UNAVAILABLE is tried again. */
  readonly retries: number;
}

/**
 * Makes the service config of a channel, JSON.
 *
 * The first retry comes 0.1 s after the failure, each further one after twice as long, up to 2 s;
 * each of these times up to a fifth longer or shorter at random.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/service_config.md
 * @see https://github.com/grpc/proposal/blob/master/A6-client-retries.md
 */
export function serviceConfig({ balanced, retries }: Behaviour): string {
  return JSON.stringify({
    ...(balanced ? { loadBalancingConfig: [{ round_robin: {} }] } : {}),
    ...(retries === 0 ? {} : {
      methodConfig: [{
        // An empty name: every method of every service.
        name: [{}],
        retryPolicy: {
          maxAttempts: retries + 1,
          initialBackoff: "0.1s",
          maxBackoff: "2s",
          backoffMultiplier: 2,
          retryableStatusCodes: ["UNAVAILABLE"],
        },
      }],
    }),
  });
}
