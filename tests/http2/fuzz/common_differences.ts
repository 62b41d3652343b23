/** Where our server differs from Go's as our client does from Go's. */
import { FrameType } from "../../support/frames.ts";
import type { Difference, Legal, Matches } from "./compare.ts";
import {
  endsBlock,
  fieldsOf,
  hasField,
  hasText,
  isHeaders,
  settingsOf,
  typeOf,
} from "./frame_parts.ts";

/** Whether a value has a control character that Go refuses, where we take it. */
export const hasControl = (difference: Difference) =>
  isHeaders(difference) &&
  // deno-lint-ignore no-control-regex
  fieldsOf(difference).some(({ value }) => /[\x01-\x08\x0b-\x1f\x7f]/.test(value));

/**
 * @param failed how Go ends the connection, with one of these codes
 * @param isMalformed whether our side takes the fields for malformed, which ends the stream alone
 */
export const commonDifferences = (
  failed: (codes: string) => RegExp,
  isMalformed: Matches,
): Legal => ({
  "PRIORITY_UPDATE: Go knows RFC 9218": ({ frame, ours }) => typeOf(frame) === 16 && ours === "",
  "settings 8 and 9 above 1: Go knows RFC 8441 and RFC 9218, which we do not offer": (difference) =>
    settingsOf(difference).some((setting) => setting === 8 || setting === 9) &&
    failed("1").test(difference.gos),
  "a field larger than is allowed: Go ends the connection, we refuse the stream alone": (
    difference,
  ) =>
    isHeaders(difference) && !difference.ours.includes("goaway") &&
    failed("19").test(difference.gos) &&
    (hasText(difference, "x-large") || !endsBlock(difference.frame)),
  "CONTINUATION after a wrong field: Go ends the connection, we refuse the stream alone": (
    { frame, ours, gos },
  ) =>
    typeOf(frame) === FrameType.CONTINUATION && !ours.includes("goaway") &&
    failed("1").test(gos),
  "a block that HPACK refuses: hpack_test.ts lists where Go's decoder differs": (difference) =>
    isHeaders(difference) && /^goaway 9(; failed \d+)*$/.test(difference.ours),
  "a content-length that is no number, or two: malformed (RFC 9113, 8.1.1), Go passes it over": (
    difference,
  ) => isMalformed(difference) && hasField(difference, "content-length", /^/),
});
