/** Says through each kind of load balancer which server has answered how many of the calls. */
import assert from "node:assert/strict";
import { linuxTest, usersvc } from "../support/program.ts";
import { startFleet } from "./fleet.ts";
import { assertEven, ways } from "./ways.ts";

const NAMES = ["pod-a", "pod-b", "pod-c"];

linuxTest("--summary tells how nginx, HAProxy and a client spread calls over servers", async () => {
  await using fleet = await startFleet(3, (index) => ["--instance", NAMES[index]!]);
  for (const [way, connect] of Object.entries(ways)) {
    await using through = await connect(fleet.ports);
    const { code, stderr } = await usersvc([
      ...["call", "Alice", "--address", through.target, "--wait", "--timeout", "60s"],
      ...["--repeat", "900", "--rate", "300"],
      ...["--summary", "json", "--max-failed", "0"],
    ]);
    assert.equal(code, 0, stderr);
    const { hostnames } = JSON.parse(stderr);
    console.log(`${way}: ${JSON.stringify(hostnames)}`);
    assert.deepEqual(Object.keys(hostnames), NAMES);
    const shares = Object.values<number>(hostnames);
    assert.equal(shares.reduce((sum, share) => sum + share), 900);
    assertEven(shares);
  }
});
