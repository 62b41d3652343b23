/** The ways from a client to several servers, and whether they spread the load. */
import assert from "node:assert/strict";
import { type Proxy, startHaproxy, startNginx } from "./proxies.ts";

/** What stands between the client and the servers: gives the client its target. */
export const ways: Record<
  string,
  (ports: readonly number[]) => Promise<{ target: string; proxy?: Proxy }>
> = {
  "a client with three addresses": (ports) =>
    Promise.resolve({ target: `ipv4:${ports.map((port) => `127.0.0.1:${port}`).join(",")}` }),
  "nginx": async (ports) => through(await startNginx(ports)),
  "HAProxy": async (ports) => through(await startHaproxy(ports)),
};

function through(proxy: Proxy) {
  return { target: `127.0.0.1:${proxy.port}`, proxy };
}

/** Each share is within 20 % of the mean. */
export function assertEven(shares: readonly number[]): void {
  const mean = shares.reduce((sum, share) => sum + share) / shares.length;
  for (const share of shares) {
    assert.ok(Math.abs(share - mean) <= 0.2 * mean, `not even: ${shares.join(", ")}`);
  }
}
