/** The streams of a connection by their ids. */
import type { Stream } from "./stream.ts";

const SLOTS = 128;

/**
 * The open streams. Not a Map: V8 replaces its table when entries have come and gone, the old one
 * refers to the new one and to its entries, and once it is old all streams live until V8 looks at the
 * whole heap. That took a third of the time.
 */
export class StreamTable {
  size = 0;
  /** Each has the last stream that was put there, which refers to the one before. */
  private readonly slots: (Stream | undefined)[] = new Array(SLOTS).fill(undefined);

  get(id: number): Stream | undefined {
    let stream = this.slots[slotOf(id)];
    while (stream !== undefined && stream.id !== id) stream = stream.next;
    return stream;
  }

  add(stream: Stream): void {
    const slot = slotOf(stream.id);
    stream.next = this.slots[slot];
    this.slots[slot] = stream;
    this.size++;
  }

  delete(stream: Stream): void {
    const slot = slotOf(stream.id);
    let before = this.slots[slot];
    if (before === stream) this.slots[slot] = stream.next;
    else {
      while (before !== undefined && before.next !== stream) before = before.next;
      if (before === undefined) return;
      before.next = stream.next;
    }
    stream.next = undefined;
    this.size--;
  }

  all(): Stream[] {
    const all: Stream[] = [];
    for (let stream of this.slots) {
      for (; stream !== undefined; stream = stream.next) all.push(stream);
    }
    return all;
  }
}

function slotOf(id: number): number {
  return (id >>> 1) % SLOTS;
}

const RECENT = 256;

/** The streams that closed last: what comes for them may be late, and not wrong. */
export class RecentStreams {
  /** Negative for those that the peer had not ended. */
  private readonly ids: number[] = [];

  add(id: number, hasEnded: boolean): void {
    this.ids[(id >>> 1) % RECENT] = hasEnded ? id : -id;
  }

  /** Whether the peer had ended its side of a stream; undefined if that is not known any more. */
  hasEnded(id: number): boolean | undefined {
    const known = this.ids[(id >>> 1) % RECENT];
    return known === id ? true : known === -id ? false : undefined;
  }
}
