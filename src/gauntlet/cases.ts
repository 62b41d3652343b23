/** All cases, and those of them that a client meets where nothing else is said. */
import { answerCases } from "./answer_cases.ts";
import { breakCases } from "./break_cases.ts";
import type { Case } from "./case.ts";
import { startCases } from "./start_cases.ts";

/** Every case. */
export const allCases: readonly Case[] = [...answerCases, ...breakCases, ...startCases];

/** A name for each lesson; the other cases of its family teach it again. */
const CHOSEN: ReadonlySet<string> = new Set([
  ...["answer", "http-100-and-103-before", "header-not-ascii", "fifty-headers", "ping"],
  ...["data_frame_padding", "empty-frames", "each-byte-a-frame", "in-single-bytes"],
  ...["status-not-found", "status-not-found-alone", "status-not-found-after-message"],
  ...["status-unavailable-alone", "status-unauthenticated", "status-deadline-exceeded"],
  ...["status-17", "status-151", "status-minus-1", "status-not-a-number", "status-empty"],
  ...["status-missing", "status-missing-alone", "no-trailers"],
  ...["message-missing", "message-percent-encoded", "message-not-percent-encoded"],
  ...["message-in-utf-8", "message-with-controls"],
  ...["compressed-without-encoding", "compressed-with-br", "not-compressed-with-br"],
  ...["compressed-with-gzip", "gzip-cut", "gzip-of-8-mb", "compressed-flag-of-2"],
  ...["not-utf-8", "not-protobuf", "message-larger-than-its-data", "message-of-4-gib"],
  ...["message-cut-at-byte-3", "message-cut-at-byte-6"],
  ...["no-message", "no-message-alone", "two-messages"],
  ...["message-without-end", "headers-without-end", "nothing"],
  ...["page-200", "page-401", "page-404", "page-503", "page-503-without-end", "http-503"],
  ...["http-503-with-a-grpc-status", "content-type-json"],
  ...["rst-no-error", "rst_after_header", "rst_during_data", "rst_after_data"],
  ...["rst-refused-stream", "refused-once", "rst-cancel", "rst-enhance-your-calm"],
  ...["rst-no-error-after-answer"],
  ...["closed-at-byte-0", "closed-at-byte-60", "closed-at-byte-74"],
  ...["goaway", "goaway-before-headers", "goaway-then-later-the-answer", "goaway-then-close"],
  ...["goaway-of-stream-0", "goaway-once", "goaway-error-11", "shutdown-notice-before-headers"],
  ...["start-goaway-with-settings", "data-of-stream-0", "headers-that-are-none"],
  ...["frame-too-large", "window-overflow", "settings-with-wrong-frame-size", "http-1-within"],
  ...["10000-pings", "100-unknown-frames"],
  ...["max_streams", "no-streams", "no-window", "settings-unknown", "settings-in-single-bytes"],
  ...["no-word", "close-at-once", "tls-alert", "http-1"],
]);

/** The cases that a client meets where nothing else is said, in the order of the table. */
export const chosenCases: readonly Case[] = allCases.filter(({ name }) => CHOSEN.has(name));

/**
 * Finds cases by words: each is the name of one, or is within the names or the groups of some.
 *
 * @returns the cases in the order of the table, or the word that fits none
 */
export function findCases(
  words: readonly string[],
): readonly Case[] | { readonly unknown: string } {
  const found = new Set<Case>();
  for (const word of words) {
    const exact = allCases.filter(({ name }) => name === word);
    const fitting = exact.length > 0
      ? exact
      : allCases.filter(({ name, group }) =>
        name.includes(word) || group.toLowerCase().includes(word.toLowerCase())
      );
    if (fitting.length === 0) return { unknown: word };
    fitting.forEach((one) => found.add(one));
  }
  return allCases.filter((one) => found.has(one));
}
