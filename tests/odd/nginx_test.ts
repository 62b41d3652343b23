/** The error pages of a real nginx, over HTTP/2. */
import assert from "node:assert/strict";
import type { StatusName } from "../../src/contract/status_codes.ts";
import { startOtherNginx } from "../cluster/proxies.ts";
import { withMutePeer } from "../support/http2_server.ts";
import { linuxTest } from "../support/program.ts";
import { address, batch, run } from "./run.ts";
import { exitCodeOf } from "./table.ts";

/** A `server` of nginx, and how a call of it has to end. */
interface Site {
  /** Its configuration. */
  readonly does: string;
  readonly code: StatusName;
  readonly says: string;
}

/** What answers.ts does not have: pages that nginx makes of what goes wrong. */
function sites(closed: number, mute: number): Readonly<Record<string, Site>> {
  const page = (status: number, code: StatusName, does: string): Site => ({
    does: `location / { ${does} }`,
    code,
    says: `the answer is not gRPC: HTTP status ${status}, content type text/html`,
  });
  return {
    "502 for a server that is not there": page(
      502,
      "UNAVAILABLE",
      `grpc_pass grpc://127.0.0.1:${closed};`,
    ),
    "504 for a server that does not answer": page(
      504,
      "UNAVAILABLE",
      `grpc_pass grpc://127.0.0.1:${mute}; grpc_read_timeout 100ms;`,
    ),
    "401 for want of a password": page(
      401,
      "UNAUTHENTICATED",
      "auth_basic odd; auth_basic_user_file /dev/null; root /nowhere;",
    ),
    "403 for all": page(403, "PERMISSION_DENIED", "deny all; root /nowhere;"),
    "404 for a file that is not there": page(404, "UNIMPLEMENTED", "root /nowhere;"),
    "a page made a gRPC status": {
      does: `error_page 502 = /status;
        location / { grpc_pass grpc://127.0.0.1:${closed}; }
        location = /status {
          internal; default_type application/grpc;
          add_header grpc-status 14; add_header grpc-message "no%20server"; return 204;
        }`,
      code: "UNAVAILABLE",
      says: "no server",
    },
  };
}

/** One of the sites, with its port and the number of requests that it has had. */
interface Open extends Site {
  readonly name: string;
  readonly port: number;
  requests(): Promise<number>;
}

async function withNginx(use: (sites: readonly Open[]) => Promise<void>): Promise<void> {
  const [closed, ...ports] = freePorts(20);
  await withMutePeer(async (mute) => {
    let folder = "";
    const open = Object.entries(sites(closed!, mute)).map(([name, site], at): Open => {
      const port = ports[at]!;
      return { ...site, name, port, requests: () => linesOf(`${folder}/${port}.log`) };
    });
    await using _nginx = await startOtherNginx((workFolder) => {
      folder = workFolder;
      return open.map(({ port, does }) =>
        `server { listen 127.0.0.1:${port} http2; access_log ${workFolder}/${port}.log; ${does} }`
      ).join("\n");
    });
    // It does not say when it listens.
    await run("nginx starts", ["call", "A", "--wait", ...address(open[2]!.port, 30_000)]);
    await use(open);
  });
}

/** Ports that were free just now, no two of them the same. */
function freePorts(count: number): number[] {
  const listeners = Array.from(
    { length: count },
    () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
  );
  for (const listener of listeners) listener.close();
  return listeners.map(({ addr }) => addr.port);
}

async function linesOf(path: string): Promise<number> {
  return (await Deno.readTextFile(path)).split("\n").length - 1;
}

linuxTest(
  "an error page of nginx is what gRPC makes of its HTTP status, and retried if it may be",
  () =>
    withNginx(async (sites) => {
      for (const { name, port, code, says, requests } of sites) {
        const expected = { code, message: says };
        const outcomes = await batch(name, port, ["A", "B"]);
        assert.deepEqual([...outcomes.values()], [expected, expected], name);

        const before = await requests();
        const args = ["call", "A", "--retries", "2", ...address(port)];
        const call = await run(`${name}, --retries 2`, args);
        assert.equal(call.stderr, `usersvc call: ${code} from 127.0.0.1:${port}: ${says}\n`);
        assert.equal(call.code, exitCodeOf(code));
        assert.equal(await requests() - before, code === "UNAVAILABLE" ? 3 : 1, name);

        const check = await run(`${name}, checked`, ["check", ...address(port)]);
        assert.equal(check.stderr, `usersvc check: ${code} from 127.0.0.1:${port}: ${says}\n`);
        assert.equal(check.code, 3);
      }
    }),
);
