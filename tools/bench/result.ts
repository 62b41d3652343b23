import type { Shape } from "./load.ts";
import type { Machine } from "./machine.ts";
import type { FullServerFigures, ServerFigures } from "./servers.ts";
import type { Summary } from "./statistics.ts";

type Summaries<F> = { readonly [K in keyof F]: Summary };

/** How much is measured. */
export interface Sizes {
  /** How often everything is measured, one after another in turn. */
  readonly rounds: number;
  readonly warmUpCalls: number;
  readonly calls: number;
  /** How often each process is started in each round to see how long it takes. */
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
  /** What a short process takes: a client of one call first. */
  readonly startUp: readonly (Named & Summaries<ProcessFigures>)[];
  /** Clients whose process makes many calls. */
  readonly manyCalls: readonly (Named & Summaries<ProcessFigures>)[];
  readonly skipped: readonly Skipped[];
}

/** What is measured of a process. */
export interface ProcessFigures {
  /** The wall time of the whole process, in milliseconds; of a server, until its first answer. */
  readonly ms: number;
}

/** What could not be measured. */
export interface Skipped extends Named {
  readonly why: string;
}

interface Named {
  readonly name: string;
}
