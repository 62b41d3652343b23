/** The calls that have ended last, for those who ask a server what it has seen. */
import { Buffer } from "node:buffer";

/** How long a value of metadata in a record may be, in characters, before "..." stands for the rest. */
export const MAX_METADATA_VALUE = 2_000;

/** What is kept of a call. */
export interface CallRecord {
  /** Its record in the log: one JSON object. */
  readonly json: string;
  /** As the record has it. */
  readonly username: string;
  /** The values of metadata by their names, as the record has them. */
  readonly metadata: ReadonlyMap<string, readonly string[]>;
}

/** A call that is kept. */
export interface RecordedCall extends Omit<CallRecord, "json"> {
  /** 1 for the first call of a server, 2 for the second, and so on. */
  readonly id: number;
  /** Its record, which begins with the id, as a line of UTF-8. */
  readonly line: Uint8Array;
}

/** Says whether a call is looked for. */
export type CallFilter = (call: RecordedCall) => boolean;

/** A wait for calls. */
export interface CallWait {
  /** The calls that were looked for: as many as were wanted, or fewer where the wait was ended. */
  readonly calls: Promise<readonly RecordedCall[]>;
  /** Ends the wait, with what there is. */
  end(): void;
}

/** The calls that have ended last. */
export interface RecordedCalls {
  /** How many are kept at most. */
  readonly max: number;
  /** The names of the metadata that records can have. */
  readonly metadataNames: readonly string[];
  /** Adds a call that has ended. */
  add(record: CallRecord): void;
  /** The calls that are looked for, in the order in which they have ended. */
  find(filter: CallFilter): readonly RecordedCall[];
  /** Waits until there are so many of the calls that are looked for, those before included. */
  wait(filter: CallFilter, count: number): CallWait;
  /** Forgets all calls; the next one has the next id all the same. */
  clear(): void;
}

/** What the records may take together, in bytes: 10,000 of them take some 5 MB. */
const MAX_BYTES = 16 * 1024 * 1024;

/** Somebody waits for calls. */
interface Waiting {
  readonly filter: CallFilter;
  /** How many of the calls that are looked for are not there yet. */
  missing: number;
  end(): void;
}

/**
 * Makes a memory of calls. Beyond `max` of them, or 16 MiB, the oldest are forgotten.
 *
 * A wait counts what comes and what goes, so that each call costs each wait the same, however many
 * calls are kept.
 */
export function openRecordedCalls(
  max: number,
  metadataNames: readonly string[] = [],
): RecordedCalls {
  const calls = new Set<RecordedCall>();
  const waits = new Set<Waiting>();
  let lastId = 0;
  let bytes = 0;
  const find = (filter: CallFilter) => [...calls].filter(filter);
  const forget = (call: RecordedCall) => {
    calls.delete(call);
    bytes -= call.line.length;
    for (const wait of waits) if (wait.filter(call)) wait.missing++;
  };
  return {
    max,
    metadataNames,
    add({ json, ...rest }) {
      const id = ++lastId;
      const call = { id, line: Buffer.from(`{"id":${id},${json.slice(1)}\n`), ...rest };
      calls.add(call);
      bytes += call.line.length;
      for (const wait of waits) if (wait.filter(call)) wait.missing--;
      for (const oldest of calls) {
        if (calls.size <= max && bytes <= MAX_BYTES) break;
        forget(oldest);
      }
      for (const wait of waits) if (wait.missing <= 0) wait.end();
    },
    find,
    wait(filter, count) {
      const { promise, resolve } = Promise.withResolvers<readonly RecordedCall[]>();
      const wait: Waiting = {
        filter,
        missing: count - find(filter).length,
        end() {
          if (waits.delete(wait)) resolve(find(filter));
        },
      };
      waits.add(wait);
      if (wait.missing <= 0) wait.end();
      return { calls: promise, end: wait.end };
    },
    clear: () => calls.forEach(forget),
  };
}
