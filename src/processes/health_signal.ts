import type { Notice } from "../contract/events.ts";
import type { ServingStatus } from "../contract/health_contract.ts";

/**
 * Turns the health of a server over at each SIGUSR2, and reports it; Windows has no such signal.
 *
 * @param health what the health service says from the start
 * @param set is called with what it is to say
 */
export function turnHealthOnSigusr2(
  health: ServingStatus | undefined,
  set: (health: ServingStatus) => void,
  report: (notice: Notice) => void,
): void {
  if (Deno.build.os === "windows") return;
  let status = health ?? "SERVING";
  Deno.addSignalListener("SIGUSR2", () => {
    status = status === "SERVING" ? "NOT_SERVING" : "SERVING";
    set(status);
    const message = `SIGUSR2: health is ${status}`;
    report({ level: "info", event: "health", message, fields: { status } });
  });
}
