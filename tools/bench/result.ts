import type { Machine } from "./machine.ts";
import type { FullServerFigures, ServerFigures } from "./servers.ts";
import type { Shape } from "./shapes.ts";
import type { Summary } from "./statistics.ts";

type Summaries<F> = { readonly [K in keyof F]: Summary };

/** How much is measured. */
export interface Sizes {
  /** How often everything is measured, one after another in turn. */
  readonly rounds: number;
  readonly warmUpCalls: number;
  readonly calls: number;
  /** How often a client makes its one call in each round. */
  readonly processes: number;
  /** Calls of a client that makes many. */
  readonly manyCalls: number;
}

/** What `deno task bench --json` prints. */
export interface Result {
  readonly machine: Machine;
  readonly sizes: Sizes;
  /** Servers under the same load. */
  readonly servers: readonly (Named & Summaries<FullServerFigures>)[];
  /** One process of usersvc under different loads. */
  readonly loads: readonly (Shape & Summaries<ServerFigures>)[];
  /** Clients whose process makes one call. */
  readonly oneCall: readonly (Named & Summaries<ClientFigures>)[];
  /** Clients whose process makes many calls. */
  readonly manyCalls: readonly (Named & Summaries<ClientFigures>)[];
  readonly skipped: readonly Skipped[];
}

/** What is measured of a client. */
export interface ClientFigures {
  /** The wall time of the whole process, in milliseconds. */
  readonly ms: number;
}

/** What could not be measured. */
export interface Skipped extends Named {
  readonly why: string;
}

interface Named {
  readonly name: string;
}
