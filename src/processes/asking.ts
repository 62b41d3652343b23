/** What is asked of a worker, and where its answers go. */
import type { Notice } from "../server/events.ts";
import { inTime, LATE } from "./in_time.ts";
import type { Member } from "./member.ts";
import { reloadAnswered, workerIsSilent } from "./reload.ts";
import type { Drained } from "./worker_messages.ts";

/**
 * Asks a worker to drain; with its answer comes what it has counted.
 *
 * @returns how the drain ended, or undefined if the worker ended before
 */
export async function askToDrain(
  { process, account }: Member,
  graceMs: number,
  replaced: boolean,
): Promise<Drained | undefined> {
  const drained = await process.ask({ kind: "drain", graceMs, replaced });
  if (drained?.metrics) account.record(drained.metrics);
  return drained;
}

/** Asks a worker what it has counted; waits for it no longer than 1 s. */
export async function askToCount({ process, account }: Member): Promise<void> {
  await inTime(
    process.ask({ kind: "metrics" }).then((counted) => {
      if (counted) account.record(counted);
    }),
  );
}

/**
 * Asks a worker to read the TLS files again; waits for it no longer than 1 s.
 *
 * @param say told of an answer that comes later
 * @returns what did not go well
 */
export async function askToReload(
  member: Member,
  say: (notice: Notice) => void,
): Promise<string[]> {
  const asked = member.process.ask({ kind: "reload" });
  const answer = await inTime(asked);
  if (answer !== LATE) return answer?.faults ?? [];
  // One that ends without an answer has a successor, which reads the files when it starts.
  void asked.then((late) => late && say(reloadAnswered(member, late.faults)));
  return [workerIsSilent(member)];
}
