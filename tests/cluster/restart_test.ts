/**
 * Restarts one server after another while they are called through each kind of load balancer.
 * Loopback only, bounded in count and time.
 */
import assert from "node:assert/strict";
import { linuxTest, usersvc } from "../support/program.ts";
import { startFleet } from "./fleet.ts";
import { startLoad } from "./load.ts";
import { assertEven, ways } from "./ways.ts";

for (const [way, connect] of Object.entries(ways)) {
  linuxTest(`${way}: three servers restarted in turn fail no call and share the load`, async () => {
    // As slow as a server with work to do, so that calls are in flight whenever one stops.
    await using fleet = await startFleet(3, () => ["--delay", "25ms"]);
    await using through = await connect(fleet.ports);
    const { target } = through;
    // A proxy does not say when it listens.
    const wait = ["--wait", "--timeout", "60s"];
    const first = await usersvc(["call", "first", ...wait, "--address", target]);
    assert.equal(first.code, 0, first.stderr);
    const load = startLoad(target);
    await load.more(1);
    for (const index of fleet.ports.keys()) await fleet.restart(index);
    const before = fleet.calls();
    await load.more(3_000);
    const shares = fleet.calls().map((calls, index) => calls - before[index]!);
    const { names, code, stdout, stderr } = await load.end();
    console.log(`${names.length} calls; of the last, each server had ${shares.join(", ")}`);
    assert.equal(stderr, "");
    assert.equal(code, 0);
    assert.equal(stdout, names.map((name) => `Привет, ${name}!\n`).join(""));
    assertEven(shares);
  });
}
