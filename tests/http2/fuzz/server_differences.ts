/** Where our server and Go's differ, and why neither is wrong. */
import { MAX_BLOCK_FRAMES } from "../../../src/http2/limits.ts";
import { Flag, FrameType } from "../../support/frames.ts";
import { commonDifferences, hasControl } from "./common_differences.ts";
import type { Difference, Legal } from "./compare.ts";
import {
  blockFrames,
  fieldsOf,
  hasField,
  idOf,
  isHeaders,
  numberAt,
  settingsOf,
  typeOf,
} from "./frame_parts.ts";

const wasResetByUs = ({ frame, history }: Difference) =>
  history.some((event) => event.startsWith(`reset ${idOf(frame)} `));

/** How much content there is in events: of what is long, they have the length and a sum. */
function contentBytes(events: string): number {
  return [...events.matchAll(/data \d+ (?:(\d+) \d+(?=;|$)|([^;]*))/g)]
    .reduce((sum, [, length, text = ""]) => sum + Number(length ?? text.length), 0);
}

const isMalformed = (difference: Difference) =>
  isHeaders(difference) && difference.ours === `reset ${idOf(difference.frame)} 1`;
const isMalformedToGo = (difference: Difference) =>
  isHeaders(difference) && difference.gos === `reset ${idOf(difference.frame)} 1`;

/** Of those that match a difference the first one counts. */
export const SERVER_DIFFERENCES: readonly Legal[] = [
  // The beginning and the end of a connection.
  {
    what:
      "no preface: we end the connection at the first wrong byte, Go without GOAWAY after the last",
    matches: ({ before, ours, gos }) =>
      before.length === 0 && ours === "goaway 1" && /^(closed)?$/.test(gos),
  },
  {
    what:
      "the first frame is not SETTINGS: we look at nothing else; to Go its acknowledgement is one",
    matches: ({ before, ours, gos }) =>
      before.length === 1 && ours === "goaway 1" && /^(goaway [69])?$/.test(gos),
  },
  {
    what: "a frame that interrupts a block: Go does not wait for its end",
    matches: ({ frame, ours, gos }) =>
      ours === "" && gos === "goaway 1" && frame.length < 9 + frame.readUIntBE(0, 3),
  },
  {
    what: "GOAWAY with an error: we close, Go waits for the streams",
    matches: ({ frame, ours, gos }) =>
      typeOf(frame) === FrameType.GOAWAY && /^(goaway 0)?$/.test(ours) && gos === "",
  },
  {
    what: "after a GOAWAY without an error Go keeps an error to itself, and answers nothing more",
    matches: ({ gos, history }) => gos === "" && history.includes("goaway 0"),
  },
  {
    what: "a stream that begins after our GOAWAY: we pass it over, Go reads its fields first",
    matches: (difference) =>
      isHeaders(difference) && difference.ours === "" && difference.history.includes("goaway 0") &&
      /^(reset \d+|goaway) 1$/.test(difference.gos),
  },
  // Streams that are closed.
  {
    what: "DATA of a stream that we have reset: RFC 9113, 5.1, has us ignore it; Go answers",
    then: "go on",
    matches: (difference) =>
      typeOf(difference.frame) === FrameType.DATA && difference.ours === "" &&
      difference.gos === `reset ${idOf(difference.frame)} 5` && wasResetByUs(difference),
  },
  {
    what: "other frames of a stream that we have reset: Go ends the connection, or has not seen it",
    matches: (difference) => difference.ours === "" && wasResetByUs(difference),
  },
  {
    what: "a stream below one whose fields Go refuses: Go has not seen that one, and calls it idle",
    matches: ({ frame, ours, gos, history }) =>
      (/^(reset \d+ 5)?$/.test(ours) && gos === "goaway 1" || ours === "goaway 1") &&
      history.some((event) => event.startsWith("reset") && +event.split(" ")[1]! > idOf(frame)),
  },
  {
    what: "HEADERS of a closed stream: STREAM_CLOSED (RFC 9113, 5.1) or PROTOCOL_ERROR (5.1.1)",
    matches: (difference) =>
      isHeaders(difference) && difference.ours === "goaway 5" &&
      /^goaway 1$|^reset \d+ [15]$/.test(difference.gos),
  },
  {
    what: "frames behind END_STREAM: Go says nothing while its own answer waits for the window",
    matches: ({ frame, ours, gos }) => ours === `reset ${idOf(frame)} 5` && gos === "",
  },
  {
    what: "wrong frames behind END_STREAM: which of the two errors comes first is left open",
    then: "go on",
    matches: ({ frame, ours, gos }) =>
      ours === `reset ${idOf(frame)} 5` && gos === `reset ${idOf(frame)} 1`,
  },
  {
    what:
      "an even stream, or one too low: an error of the connection; Go looks at its fields first",
    matches: (difference) => isMalformedToGo(difference) && difference.ours === "goaway 1",
  },
  // Frames.
  {
    what:
      "SETTINGS that name one twice: Go refuses them, RFC 9113, 6.5.3, has them processed in order",
    matches: (difference) => {
      const names = settingsOf(difference);
      return new Set(names).size < names.length && difference.gos === "goaway 1";
    },
  },
  {
    what: "SETTINGS with two errors: which comes first is left open",
    matches: (difference) =>
      settingsOf(difference).length > 1 && /^goaway [13]$/.test(difference.ours) &&
      /^goaway [13]$/.test(difference.gos),
  },
  {
    what: "SETTINGS or PING of a stream and of a wrong length: which comes first is left open",
    matches: ({ frame, ours, gos }) =>
      idOf(frame) !== 0 && [FrameType.SETTINGS, FrameType.PING].includes(typeOf(frame) as 4) &&
      /^goaway [16]$/.test(ours) && /^goaway [16]$/.test(gos),
  },
  {
    what:
      "INITIAL_WINDOW_SIZE that makes a window too large: an error by RFC 9113, 6.9.2, later in Go",
    matches: ({ frame, ours, gos }) =>
      typeOf(frame) === FrameType.SETTINGS && /^(goaway 3)?$/.test(ours) &&
      /settings ack$/.test(gos),
  },
  {
    what: "WINDOW_UPDATE of 0: Go looks at the stream later; RFC 9113, 5.1, at first",
    matches: ({ frame, ours, gos }) =>
      typeOf(frame) === FrameType.WINDOW_UPDATE && /^(goaway 1)?$/.test(ours) &&
      gos === `reset ${idOf(frame)} 1` && (numberAt(frame, 9) & 0x7fffffff) === 0,
  },
  {
    what:
      "PRIORITY of a wrong length: a stream error by RFC 9113, 6.3, one of the connection in Go",
    matches: ({ frame, ours, gos }) =>
      typeOf(frame) === FrameType.PRIORITY && ours === `reset ${idOf(frame)} 6` &&
      gos === "goaway 6",
  },
  {
    what:
      "HEADERS with too much padding: a connection error by RFC 9113, 6.2, one of the stream in Go",
    matches: ({ frame, ours, gos }) =>
      typeOf(frame) === FrameType.HEADERS && ours === "goaway 1" &&
      gos === `reset ${idOf(frame)} 1`,
  },
  {
    what: "a frame that lacks the fields its flags speak of: Go closes without GOAWAY",
    matches: ({ ours, gos }) => /^goaway [16]$/.test(ours) && gos === "closed",
  },
  // Fields.
  {
    what: "whose turn it is where the window of the connection is too small for all: left open",
    matches: ({ ours, gos }) =>
      /^(data \d+ [^;]*|end \d+|reset \d+ 0|; )+$/.test(`${ours}; ${gos}`) &&
      contentBytes(ours) === contentBytes(gos),
  },
  {
    what: "a block of too many frames: our limit against floods of CONTINUATION",
    matches: (difference) =>
      difference.ours === "goaway 11" && blockFrames(difference).length > MAX_BLOCK_FRAMES,
  },
  {
    what:
      "DATA of another length than content-length says: in Go the handler learns it, and aborts",
    then: "go on",
    matches: ({ ours, gos }) => /^reset \d+ 1$/.test(ours) && gos === ours.replace(/1$/, "2"),
  },
  {
    what: "the same where the handler does not read",
    matches: ({ frame, ours, gos }) => ours === `reset ${idOf(frame)} 1` && gos === "",
  },
  {
    what: "END_STREAM with a content-length above 0: malformed (RFC 9113, 8.1.1), Go does not look",
    matches: (difference) =>
      isMalformed(difference) && (blockFrames(difference)[0]![4]! & Flag.END_STREAM) !== 0 &&
      hasField(difference, "content-length", /[1-9]/),
  },
  {
    what:
      "a field of HTTP/1.1's connections: malformed (RFC 9113, 8.2.2), which Go answers with 400",
    matches: (difference) =>
      isMalformed(difference) &&
      fieldsOf(difference).some(({ name, value }) =>
        /^(connection|keep-alive|proxy-connection|transfer-encoding|upgrade)$/.test(name) ||
        name === "te" && value !== "trailers"
      ),
  },
  {
    what: "a value with a space at an end: malformed (RFC 9113, 8.2.1), Go takes it",
    matches: (difference) =>
      isMalformed(difference) &&
      fieldsOf(difference).some(({ value }) => /^[ \t]|[ \t]$/.test(value)),
  },
  {
    what: "a control character in a value: RFC 9113, 8.2.1, forbids NUL, CR and LF, Go all",
    matches: (difference) => isMalformedToGo(difference) && hasControl(difference),
  },
  {
    what: "a method with other characters than RFC 9110, 9.1, allows: Go takes it",
    matches: (difference) =>
      isMalformed(difference) && hasField(difference, ":method", /[^!#$%&'*+\-.^_`|~\w]/),
  },
  {
    what:
      "a path that is no part of a URI: Go refuses it, RFC 9113, 8.3.1, does not ask us to look",
    matches: (difference) =>
      isMalformedToGo(difference) && hasField(difference, ":path", /[^/a-z]/),
  },
  {
    what: "an authority that is none: Go refuses it, RFC 9113, 8.3.1, does not ask us to look",
    matches: (difference) =>
      isMalformedToGo(difference) && hasField(difference, ":authority", /^(?!localhost$)/),
  },
  {
    what: "a scheme that is neither http nor https: Go refuses it, RFC 9113, 8.3.1, allows it",
    matches: (difference) =>
      isMalformedToGo(difference) && hasField(difference, ":scheme", /^(?!https?$)/),
  },
  {
    what: "a host that is not the authority: Go refuses it, RFC 9113, 8.3.1, would have it so",
    matches: (difference) =>
      isMalformedToGo(difference) && hasField(difference, "host", /elsewhere/),
  },
  ...commonDifferences((codes) => new RegExp(`^goaway [${codes}]$`), isMalformed),
];
