/** The ways from a client to several servers, and whether they spread the load. */
import assert from "node:assert/strict";
import { type Proxy, startHaproxy, startNginx } from "./proxies.ts";

/** A target for a client, with what stands between it and the servers. */
interface Way extends AsyncDisposable {
  readonly target: string;
}

/** The ways, by what they are. */
export const ways: Record<
  string,
  (ports: readonly number[]) => Promise<Way>
> = {
  "a client with three addresses": (ports) =>
    Promise.resolve({
      target: `ipv4:${ports.map((port) => `127.0.0.1:${port}`).join(",")}`,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
  "nginx": async (ports) => through(await startNginx(ports)),
  "HAProxy": async (ports) => through(await startHaproxy(ports)),
};

const through = (proxy: Proxy): Way => ({ ...proxy, target: `127.0.0.1:${proxy.port}` });

/** Each share is within 20 % of the mean. */
export function assertEven(shares: readonly number[]): void {
  const mean = shares.reduce((sum, share) => sum + share) / shares.length;
  for (const share of shares) {
    assert.ok(Math.abs(share - mean) <= 0.2 * mean, `not even: ${shares.join(", ")}`);
  }
}
