/** What the tables of odd servers have in common: how a call has to end, and what is said to it. */
import { STATUS_NAMES, type StatusName } from "../../src/contract/status_codes.ts";
import { answer, GREETING, SERVING } from "../support/frames.ts";
import {
  type Answer,
  type Asked,
  greet,
  type Greeting,
  withHttp2Server,
} from "../support/http2_server.ts";
import { linuxTest } from "../support/program.ts";

/** How a call has to end. */
export interface Expected {
  readonly code: StatusName;
  /** What it may end with as well. */
  readonly or?: StatusName;
  /** The message in the JSON of a failed call. */
  readonly says?: string | RegExp;
  /** The code that grpc-go ends with where it is another, and why. */
  readonly go?: readonly [code: string, why: string];
  /** It takes its whole deadline. */
  readonly late?: true;
}

/** A row of a table. */
export interface Row extends Expected {
  readonly answer: Answer;
}

/** A table, by username. */
export type Table = Readonly<Record<string, Row>>;

/** The frames of an answer to a stream, with the message that its method has. */
export type Frames = (stream: number, hello: Uint8Array) => readonly Uint8Array[];

/** What becomes of the connection after the answer. */
type Then = "end" | "reset";

/** Rows as they are written. */
export type Rows = Readonly<
  Record<string, readonly [expected: StatusName | Expected, says: Frames, then?: Then]>
>;

/** The message that answers a call, or a check. */
export const helloOf = ({ health }: Asked): Uint8Array => health ? SERVING : GREETING;

/** Makes a table of what is written. */
export function tableOf(rows: Rows): Table {
  return Object.fromEntries(
    Object.entries(rows).map(([name, [expected, says, then]]) => [name, {
      ...(typeof expected === "string" ? { code: expected } : expected),
      answer: (call) => {
        call.send(...says(call.stream, helloOf(call)));
        if (then === "end") call.socket.end();
        else if (then === "reset") call.socket.resetAndDestroy();
      },
    }]),
  );
}

/** An odd server, and what has come to it. */
interface OddServer {
  readonly port: number;
  /** How often each name has come. */
  readonly calls: ReadonlyMap<string, number>;
  connections(): number;
}

/** Gives a test a server of a table; a name that is not there gets an ordinary answer. */
export async function withOddServer(
  table: Table,
  use: (server: OddServer) => Promise<void>,
  greeting: Greeting = greet,
): Promise<void> {
  const calls = new Map<string, number>();
  let connections = 0;
  await withHttp2Server(
    (call, name) => {
      calls.set(name, (calls.get(name) ?? 0) + 1);
      // A check of the server as a whole has no name.
      const hello = name === "" ? SERVING : helloOf(call);
      if (name in table) void table[name]!.answer(call);
      else call.send(answer(call.stream, hello));
    },
    (port) => use({ port, calls, connections: () => connections }),
    (socket) => {
      connections++;
      return greeting(socket);
    },
  );
}

/** A test with such a server. */
export const oddTest = (title: string, ...server: Parameters<typeof withOddServer>): void =>
  linuxTest(title, () => withOddServer(...server));

/** The exit code of a call that ends so. */
export function exitCodeOf(code: StatusName): number {
  return code === "OK" ? 0 : 64 + STATUS_NAMES.indexOf(code);
}
