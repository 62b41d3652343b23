/** Servers of the gauntlet's cases for tests: of many cases at once, the username says which. */
import { STATUS_NAMES, type StatusName } from "../../src/contract/status_codes.ts";
import type { Case } from "../../src/gauntlet/case.ts";
import { greet, type Greeting } from "../../src/gauntlet/connection.ts";
import { answer } from "../support/frames.ts";
import { withHttp2Server } from "../support/http2_server.ts";
import { linuxTest } from "../support/program.ts";

/** An odd server, and what has come to it. */
interface OddServer {
  readonly port: number;
  /** How often each name has come. */
  readonly calls: ReadonlyMap<string, number>;
  connections(): number;
}

/** Gives a test a server of cases; a name that is not there gets an ordinary answer. */
export async function withOddServer(
  cases: readonly Case[],
  use: (server: OddServer) => Promise<void>,
  greeting: Greeting = greet,
): Promise<void> {
  const byName = new Map(cases.map((one) => [one.name, one]));
  const calls = new Map<string, number>();
  let connections = 0;
  await withHttp2Server(
    (call, name) => {
      calls.set(name, (calls.get(name) ?? 0) + 1);
      const odd = byName.get(name);
      if (odd !== undefined) void odd.answer(call);
      else call.send(answer(call.stream, call.hello));
    },
    (port) => use({ port, calls, connections: () => connections }),
    (socket) => {
      connections++;
      return greeting(socket);
    },
  );
}

/** The case of this name. */
export function caseOf(cases: readonly Case[], name: string): Case {
  return cases.find((one) => one.name === name)!;
}

/** A test with such a server. */
export const oddTest = (title: string, ...server: Parameters<typeof withOddServer>): void =>
  linuxTest(title, () => withOddServer(...server));

/** The exit code of a call that ends so. */
export function exitCodeOf(code: StatusName): number {
  return code === "OK" ? 0 : 64 + STATUS_NAMES.indexOf(code);
}
