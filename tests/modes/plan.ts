/** What a row of modes means for one server: its flags, how it is reached, what is to be seen of it. */
import { fileURLToPath } from "node:url";
import { root } from "../../tools/paths.ts";
import type { Route } from "./clients.ts";
import type { Row } from "./covering.ts";
import { type Expected, type Mode, type Place, usual } from "./modes.ts";
import type { Outcome } from "./outcomes.ts";

/** A server that is to be run. */
export interface Plan extends Omit<Expected, "endpoints"> {
  readonly place: Place;
  /** Flags of `serve`, and its command. */
  readonly serve: readonly string[];
  readonly endpoints: readonly PlannedEndpoint[];
  /** What may come of a call that usually ends like this. */
  readonly outcomes: (usual: Outcome) => readonly Outcome[];
}

/** Where it listens. */
export interface PlannedEndpoint extends Route {
  /** What the log calls a client there; `*` is a port. */
  readonly peer: string;
  /** The tutorial's line at the start. */
  readonly started: string;
}

/**
 * Makes a plan.
 *
 * @param folder where the server may have its socket file
 */
export function planOf(row: Row<Mode>, folder: string): Plan {
  const place = placeIn(folder);
  const chosen = Object.values(row);
  const flags = (kind: "serve" | "command" | "call" | "grpcurl" | "grpcurlCall" | "curl") =>
    chosen.flatMap((mode) => split(mode[kind] ?? "", place));
  const { endpoints, ...expected } = Object.assign(
    {},
    usual,
    ...chosen.map((mode) => mode.expected),
  ) as Expected;
  return {
    ...expected,
    place,
    serve: [...flags("serve"), ...flags("command")],
    outcomes: (usual) =>
      chosen.reduce<readonly Outcome[]>(
        (outcomes, mode) =>
          mode.outcomes
            ? unique(outcomes.flatMap((outcome) => mode.outcomes!(outcome, usual)))
            : outcomes,
        [usual],
      ),
    endpoints: endpoints.map(({ target, grpcurl, curl, peer, started }) => ({
      target: fill(target, place),
      call: ["--address", fill(target, place), ...flags("call")],
      grpcurl: [...flags("grpcurl"), ...split(grpcurl, place)],
      grpcurlCall: flags("grpcurlCall"),
      curl: [...flags("curl"), ...split(curl, place)],
      peer: fill(peer, place),
      started: fill(started, place),
    })),
  };
}

function unique(outcomes: readonly Outcome[]): readonly Outcome[] {
  return [...new Set(outcomes)];
}

function placeIn(folder: string): Place {
  // Chosen here because --log none does not tell which the server has taken. Both are open at once so
  // that they differ.
  using port = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using metrics = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return {
    PORT: `${port.addr.port}`,
    METRICS: `${metrics.addr.port}`,
    SOCKET: `${folder}/socket`,
    CERTS: fileURLToPath(new URL("../certs", import.meta.url)),
    PROTO: `${root}proto`,
    MODES: fileURLToPath(new URL(".", import.meta.url)).replace(/.$/, ""),
  };
}

function fill(text: string, place: Place): string {
  return text.replace(/\b[A-Z]{2,}\b/g, (word) => place[word as keyof Place] ?? word);
}

/** Flags as arguments: what is filled in may hold spaces. */
function split(flags: string, place: Place): string[] {
  return flags.split(" ").filter((flag) => flag !== "").map((flag) => fill(flag, place));
}
