/** Where our server and Go's differ, and why neither is wrong. */
import { MAX_BLOCK_FRAMES } from "../../../src/http2/limits.ts";
import { Flag, FrameType } from "../../support/frames.ts";
import { commonDifferences, hasControl } from "./common_differences.ts";
import { type Difference, goOn, type Legal } from "./compare.ts";
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

export const SERVER_DIFFERENCES: Legal = {
  // The beginning and the end of a connection.
  "no preface: we end the connection at the first wrong byte, Go without GOAWAY after the last": (
    { before, ours, gos },
  ) => before.length === 0 && ours === "goaway 1" && /^(closed)?$/.test(gos),
  "the first frame is not SETTINGS: we look at nothing else; to Go its acknowledgement is one": (
    { before, ours, gos },
  ) => before.length === 1 && ours === "goaway 1" && /^(goaway [69])?$/.test(gos),
  "a frame that interrupts a block: Go does not wait for its end": ({ frame, ours, gos }) =>
    ours === "" && gos === "goaway 1" && frame.length < 9 + frame.readUIntBE(0, 3),
  "GOAWAY with an error: we close, Go waits for the streams": ({ frame, ours, gos }) =>
    typeOf(frame) === FrameType.GOAWAY && /^(goaway 0)?$/.test(ours) && gos === "",
  "after a GOAWAY without an error Go keeps an error to itself, and answers nothing more": (
    { gos, history },
  ) => gos === "" && history.includes("goaway 0"),
  "a stream that begins after our GOAWAY: we pass it over, Go reads its fields first": (
    difference,
  ) =>
    isHeaders(difference) && difference.ours === "" && difference.history.includes("goaway 0") &&
    /^(reset \d+|goaway) 1$/.test(difference.gos),
  // Streams that are closed.
  "DATA of a stream that we have reset: RFC 9113, 5.1, has us ignore it; Go answers": goOn((
    difference,
  ) =>
    typeOf(difference.frame) === FrameType.DATA && difference.ours === "" &&
    difference.gos === `reset ${idOf(difference.frame)} 5` && wasResetByUs(difference)
  ),
  "other frames of a stream that we have reset: Go ends the connection, or has not seen it": (
    difference,
  ) => difference.ours === "" && wasResetByUs(difference),
  "a stream below one whose fields Go refuses: Go has not seen that one, and calls it idle": (
    { frame, ours, gos, history },
  ) =>
    (/^(reset \d+ 5)?$/.test(ours) && gos === "goaway 1" || ours === "goaway 1") &&
    history.some((event) => event.startsWith("reset") && +event.split(" ")[1]! > idOf(frame)),
  "HEADERS of a closed stream: STREAM_CLOSED (RFC 9113, 5.1) or PROTOCOL_ERROR (5.1.1)": (
    difference,
  ) =>
    isHeaders(difference) && difference.ours === "goaway 5" &&
    /^goaway 1$|^reset \d+ [15]$/.test(difference.gos),
  "frames behind END_STREAM: Go says nothing while its own answer waits for the window": (
    { frame, ours, gos },
  ) => ours === `reset ${idOf(frame)} 5` && gos === "",
  "wrong frames behind END_STREAM: which of the two errors comes first is left open": goOn((
    { frame, ours, gos },
  ) => ours === `reset ${idOf(frame)} 5` && gos === `reset ${idOf(frame)} 1`),
  "an even stream, or one too low: an error of the connection; Go looks at its fields first": (
    difference,
  ) => isMalformedToGo(difference) && difference.ours === "goaway 1",
  // Frames.
  "SETTINGS that name one twice: Go refuses them, RFC 9113, 6.5.3, has them processed in order": (
    difference,
  ) => {
    const names = settingsOf(difference);
    return new Set(names).size < names.length && difference.gos === "goaway 1";
  },
  "SETTINGS with two errors: which comes first is left open": (difference) =>
    settingsOf(difference).length > 1 && /^goaway [13]$/.test(difference.ours) &&
    /^goaway [13]$/.test(difference.gos),
  "SETTINGS or PING of a stream and of a wrong length: which comes first is left open": (
    { frame, ours, gos },
  ) =>
    idOf(frame) !== 0 && [FrameType.SETTINGS, FrameType.PING].includes(typeOf(frame) as 4) &&
    /^goaway [16]$/.test(ours) && /^goaway [16]$/.test(gos),
  "INITIAL_WINDOW_SIZE that makes a window too large: an error by RFC 9113, 6.9.2, later in Go": (
    { frame, ours, gos },
  ) =>
    typeOf(frame) === FrameType.SETTINGS && /^(goaway 3)?$/.test(ours) &&
    /settings ack$/.test(gos),
  "WINDOW_UPDATE of 0: Go looks at the stream later; RFC 9113, 5.1, at first": (
    { frame, ours, gos },
  ) =>
    typeOf(frame) === FrameType.WINDOW_UPDATE && /^(goaway 1)?$/.test(ours) &&
    gos === `reset ${idOf(frame)} 1` && (numberAt(frame, 9) & 0x7fffffff) === 0,
  "PRIORITY of a wrong length: a stream error by RFC 9113, 6.3, one of the connection in Go": (
    { frame, ours, gos },
  ) =>
    typeOf(frame) === FrameType.PRIORITY && ours === `reset ${idOf(frame)} 6` &&
    gos === "goaway 6",
  "HEADERS with too much padding: a connection error by RFC 9113, 6.2, one of the stream in Go": (
    { frame, ours, gos },
  ) =>
    typeOf(frame) === FrameType.HEADERS && ours === "goaway 1" &&
    gos === `reset ${idOf(frame)} 1`,
  "a frame that lacks the fields its flags speak of: Go closes without GOAWAY": ({ ours, gos }) =>
    /^goaway [16]$/.test(ours) && gos === "closed",
  // Fields.
  "whose turn it is where the window of the connection is too small for all: left open": (
    { ours, gos },
  ) =>
    /^(data \d+ [^;]*|end \d+|reset \d+ 0|; )+$/.test(`${ours}; ${gos}`) &&
    contentBytes(ours) === contentBytes(gos),
  "a block of too many frames: our limit against floods of CONTINUATION": (difference) =>
    difference.ours === "goaway 11" && blockFrames(difference).length > MAX_BLOCK_FRAMES,
  "DATA of another length than content-length says: in Go the handler learns it, and aborts": goOn((
    { ours, gos },
  ) => /^reset \d+ 1$/.test(ours) && gos === ours.replace(/1$/, "2")),
  "the same where the handler does not read": ({ frame, ours, gos }) =>
    ours === `reset ${idOf(frame)} 1` && gos === "",
  "END_STREAM with a content-length above 0: malformed (RFC 9113, 8.1.1), Go does not look": (
    difference,
  ) =>
    isMalformed(difference) && (blockFrames(difference)[0]![4]! & Flag.END_STREAM) !== 0 &&
    hasField(difference, "content-length", /[1-9]/),
  "a field of HTTP/1.1's connections: malformed (RFC 9113, 8.2.2), which Go answers with 400": (
    difference,
  ) =>
    isMalformed(difference) &&
    fieldsOf(difference).some(({ name, value }) =>
      /^(connection|keep-alive|proxy-connection|transfer-encoding|upgrade)$/.test(name) ||
      name === "te" && value !== "trailers"
    ),
  "a value with a space at an end: malformed (RFC 9113, 8.2.1), Go takes it": (difference) =>
    isMalformed(difference) &&
    fieldsOf(difference).some(({ value }) => /^[ \t]|[ \t]$/.test(value)),
  "a control character in a value: RFC 9113, 8.2.1, forbids NUL, CR and LF, Go all": (difference) =>
    isMalformedToGo(difference) && hasControl(difference),
  "a method with other characters than RFC 9110, 9.1, allows: Go takes it": (difference) =>
    isMalformed(difference) && hasField(difference, ":method", /[^!#$%&'*+\-.^_`|~\w]/),
  "a path that is no part of a URI: Go refuses it, RFC 9113, 8.3.1, does not ask us to look": (
    difference,
  ) => isMalformedToGo(difference) && hasField(difference, ":path", /[^/a-z]/),
  "an authority that is none: Go refuses it, RFC 9113, 8.3.1, does not ask us to look": (
    difference,
  ) => isMalformedToGo(difference) && hasField(difference, ":authority", /^(?!localhost$)/),
  "a scheme that is neither http nor https: Go refuses it, RFC 9113, 8.3.1, allows it": (
    difference,
  ) => isMalformedToGo(difference) && hasField(difference, ":scheme", /^(?!https?$)/),
  "a host that is not the authority: Go refuses it, RFC 9113, 8.3.1, would have it so": (
    difference,
  ) => isMalformedToGo(difference) && hasField(difference, "host", /elsewhere/),
  ...commonDifferences((codes) => new RegExp(`^goaway [${codes}]$`), isMalformed),
};
