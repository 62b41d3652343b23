/** A server of the program's own modules in the test's process: it can be told what no flag says. */
import assert from "node:assert/strict";
import type { ServiceError } from "@grpc/grpc-js";
import { loadContract } from "../../src/contract/contract.ts";
import type { ServerEvents } from "../../src/contract/events.ts";
import type { Faults } from "../../src/server/faults/faults.ts";
import type { RunningServer } from "../../src/server/server.ts";

/** The server, and a client of it. */
export interface OwnServer extends Pick<RunningServer, "drain"> {
  readonly port: number;
  /** Calls GetUser of Alice; returns the status code and its text. */
  call(): Promise<[code: number, text: string | undefined]>;
  /** Closes the client. */
  close(): void;
}

/** Starts a server. What is not among the events is told to nobody. */
export async function startOwnServer(
  events: Partial<ServerEvents>,
  faults: Faults = {},
): Promise<OwnServer> {
  // A bare `deno test` has no permission to load these.
  const { credentials } = await import("@grpc/grpc-js");
  const { startServer } = await import("../../src/server/server.ts");
  const { endpoints, drain } = await startServer(
    { endpoints: [{ host: "127.0.0.1", port: 0 }], reflection: false, faults },
    {
      callReceived() {},
      callFinished() {},
      notice() {},
      ...events,
    },
  );
  const [endpoint] = endpoints;
  assert.ok(endpoint && "port" in endpoint);
  const { port } = endpoint;
  const { UserService } = await loadContract();
  const client = new UserService(`127.0.0.1:${port}`, credentials.createInsecure());
  return {
    port,
    drain,
    call: () =>
      new Promise((resolve) =>
        client.getUser(
          { username: "Alice" },
          (error: ServiceError | null) => resolve([error?.code ?? 0, error?.details]),
        )
      ),
    close: () => client.close(),
  };
}
