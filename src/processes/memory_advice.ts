import { formatMegabytes } from "../cli/size.ts";
import type { ServerEvents } from "../server/events.ts";

/** From here on the remedy is told, in bytes. */
const MUCH = 512_000_000;
/** How often memory is looked at, in milliseconds. */
const LOOK_MS = 1_000;

/**
 * Tells once, when this process has grown large, what helps. Deno up to 2.9.3 keeps about 30 KB of
 * each closed HTTP/2 connection for ever; only the end of the process gives it back.
 */
export function adviseOnMemory({ notice }: Pick<ServerEvents, "notice">): void {
  const timer = setInterval(() => {
    const { rss } = Deno.memoryUsage();
    if (rss < MUCH) return;
    clearInterval(timer);
    notice({
      level: "warn",
      event: "memory",
      message: `this process uses ${formatMegabytes(rss)}, and Deno does not free what closed ` +
        "connections have used; --workers replaces processes that grow",
      fields: { rss },
    });
  }, LOOK_MS);
  Deno.unrefTimer(timer as unknown as number);
}
