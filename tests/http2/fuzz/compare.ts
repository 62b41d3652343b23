/** Compares what two sides have sent, frame by frame, with a list of differences that are no fault. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type Events, readEvents } from "../../support/http2_events.ts";
import { replay } from "./corpus.ts";
import { goTest, type Question, type Reader, withLength } from "./go_peer.ts";
import { type Choices, forEachCase, howToRepeat } from "./seeds.ts";

/** A frame to which the answers differ. */
export interface Difference {
  readonly frame: Buffer;
  /** What came before it. */
  readonly before: readonly Buffer[];
  /** What our side has sent before. */
  readonly history: Events;
  /** What only our side has sent now, separated by "; ". */
  readonly ours: string;
  readonly gos: string;
  /** Whether both have ended the connection for an error. */
  readonly bothFailed: boolean;
}

/** Whether a difference is one that is no fault. */
export type Matches = (difference: Difference) => boolean;

/**
 * Differences that are no fault, by what they are and why both sides are right. Of those that match the
 * first one counts.
 */
export type Legal = Readonly<Record<string, Matches | GoesOn>>;

/** A difference after which both sides are in the same state; after others they are compared no further. */
interface GoesOn {
  readonly matches: Matches;
}

/** Makes such a difference. */
export const goOn = (matches: Matches): GoesOn => ({ matches });

interface Unlisted {
  count: number;
  readonly text: string;
}

/** What {@linkcode compareSides} compares. */
interface Sides {
  /** The name of the test's file and that of its corpus. */
  readonly suite: string;
  readonly question: Question;
  readonly cases: number;
  readonly legal: Legal;
  /** Makes the frames that both sides are sent. */
  random(choices: Choices): Buffer[];
  /** What our side does at each frame. */
  ours(frames: readonly Buffer[], choices: Choices): Promise<Events[]>;
}

/** A test that sends the same frames to our side and to Go's. */
export function compareSides(
  title: string,
  { suite, question, cases, legal, random, ours }: Sides,
): void {
  goTest(title, async (go) => {
    const comparison = compareWith(suite, legal);
    let whole = 0;
    const compare = async (frames: Buffer[], choices: Choices, seed?: number) => {
      const asked = go.ask(question, Buffer.concat(frames.map(withLength)));
      const events = await ours(frames, choices);
      if (comparison.compare(frames, events, goEvents(await asked, frames.length), seed)) whole++;
    };
    await replay(suite, compare);
    const count = await forEachCase(
      suite,
      cases,
      (choices, seed) => compare(random(choices), choices, seed),
    );
    console.log(`${whole} of ${count} connections were compared to their end`);
    comparison.report();
  });
}

function goEvents(answer: Reader, count: number): Events[] {
  const reader = readEvents();
  return Array.from({ length: count }, () => {
    if (answer.isAtEnd) return [];
    const events = reader.take(answer.bytes());
    const ended = answer.bytes().toString();
    if (ended !== "") events.push(...ended.split("\n"));
    return answer.u8() === 1 ? [...events, "closed"] : events;
  });
}

/** Compares connections and counts how they differ. */
function compareWith(suite: string, legal: Legal) {
  const seen = new Map<string, number>();
  const unlisted = new Map<string, Unlisted>();
  const note = (difference: Difference, seed?: number) => {
    const kind = kindOf(difference);
    const known = unlisted.get(kind);
    if (known) known.count++;
    else unlisted.set(kind, { count: 1, text: describe(suite, difference, seed) });
  };
  return {
    /** @returns whether the connection was compared to its end */
    compare(
      frames: readonly Buffer[],
      ours: readonly Events[],
      gos: readonly Events[],
      seed?: number,
    ): boolean {
      for (let at = 0; at < frames.length; at++) {
        const [our = [], go = []] = [ours[at], gos[at]];
        const history = ours.slice(0, at).flat();
        const both = [relevant(our, history), relevant(go, history)] as const;
        const onlyOurs = missing(both[0], both[1]), onlyGos = missing(both[1], both[0]);
        if (onlyOurs !== "" || onlyGos !== "") {
          const frame = frames[at]!;
          const difference = {
            ...{ frame, before: frames.slice(0, at), history },
            ...{ ours: onlyOurs, gos: onlyGos },
            bothFailed: both.every((events) => events.some(isFatal)),
          };
          const [what, found] = Object.entries(legal).find(([, how]) =>
            typeof how === "function" ? how(difference) : how.matches(difference)
          ) ?? [];
          if (what === undefined) {
            note(difference, seed);
          } else seen.set(what, (seen.get(what) ?? 0) + 1);
          if (typeof found !== "object") {
            return false;
          }
        }
        if (hasFailed(our) || hasFailed(go)) break;
      }
      return true;
    },
    /** Prints how often each difference was seen; throws if there was one that is not listed. */
    report() {
      console.log("differences that are no fault:");
      for (const what of Object.keys(legal)) console.log(`${seen.get(what) ?? 0} x ${what}`);
      const others = [...unlisted].toSorted(([, a], [, b]) => b.count - a.count);
      const texts = others.map(([kind, { count, text }]) => `${count} x ${kind}\n${text}`);
      assert.equal(others.length, 0, `not listed:\n${texts.join("\n")}`);
    },
  };
}

const isFatal = (event: string) => /^goaway [1-9]/.test(event);

/** Whether a connection has come to its end. */
function hasFailed(events: Events): boolean {
  return events.some((event) => event === "closed" || isFatal(event));
}

/**
 * Without what is left to each side: when it gives more to a window, and when a connection is closed
 * that has failed or is to end.
 */
function relevant(events: Events, history: Events): Events {
  const isIdle = !events.some((event) => event.startsWith("failed"));
  const isClosing = isIdle && [...history, ...events].includes("goaway 0");
  const isLeft = isClosing || events.some(isFatal) ? /^window |^closed$/ : /^window /;
  return events.filter((event) => !isLeft.test(event));
}

function missing(events: Events, from: Events): string {
  return events.filter((event) => !from.includes(event)).join("; ");
}

const TYPES = "DATA HEADERS PRIORITY RST_STREAM SETTINGS PUSH_PROMISE PING GOAWAY WINDOW_UPDATE " +
  "CONTINUATION";

function kindOf({ frame, ours, gos }: Difference): string {
  const short = (events: string) =>
    events.replace(/(headers|data|end|reset|failed|answer) \d+/g, "$1 N")
      .replace(/(data N|answer N) [^;]*/g, "$1") ||
    "-";
  return `${TYPES.split(" ")[frame[3]!] ?? "other"}, ours: ${short(ours)}, Go's: ${short(gos)}`;
}

function describe(suite: string, difference: Difference, seed?: number): string {
  const { frame, before, ours, gos } = difference;
  const hex = (frame: Buffer) => `  ${frame.subarray(0, 80).toString("hex")}`;
  return [
    seed === undefined ? `of corpus/${suite}.json` : howToRepeat(suite, seed),
    ...[`ours: ${ours || "nothing"}`, `Go's: ${gos || "nothing"}`, `to ${hex(frame)}`],
    ...["after", ...before.slice(-12).map(hex)],
  ].join("\n");
}
