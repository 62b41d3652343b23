/** Where our client and Go's differ, and why neither is wrong. */
import { Buffer } from "node:buffer";
import { MALFORMED } from "../../../src/http2/fields.ts";
import { MAX_SETTINGS } from "../../../src/http2/limits.ts";
import { FrameType } from "../../support/frames.ts";
import { commonDifferences, hasControl } from "./common_differences.ts";
import { type Difference, goOn, type Legal } from "./compare.ts";
import {
  fieldsOf,
  hasField,
  idOf,
  isHeaders,
  numberAt,
  settingsOf,
  typeOf,
} from "./frame_parts.ts";

/** Whether the client has begun no such stream. */
const isIdle = ({ frame, history }: Difference) =>
  idOf(frame) !== 0 && !history.some((event) => event.startsWith(`headers ${idOf(frame)} `));

const isMalformed = ({ frame, ours }: Difference) =>
  new RegExp(`reset ${idOf(frame)} 1(; failed \\d+)?(; closed)?$`).test(ours);

const isProtocolError = (frame: Buffer) =>
  typeOf(frame) === FrameType.RST_STREAM && numberAt(frame, 9) === 1;

/** Whether those requests that only ours has failed still waited for the server's permission. */
const haveNotBegun = ({ ours, history }: Difference) =>
  [...ours.matchAll(/failed (\d+)/g)].every(([, number]) =>
    !history.some((event) => event.endsWith(` /${number}`))
  );

/** What ends at the server's fault: all that is in our part of the difference is the error. */
const hasFailed = ({ ours }: Difference) => /^goaway 1(; failed \d+)*$/.test(ours);

/** Most of the time Go closes the connection then; what it says before is left to chance. */
const GO_FAILED = /closed$|^goaway [1-9]/;

/** What we send where requests begin. */
const BEGINS = /^(end \d+; )+headers \d+ /;

export const CLIENT_DIFFERENCES: Legal = {
  // The end of a connection.
  "an error of the connection: Go closes it without GOAWAY, most of the time": goOn((
    { ours, gos, history },
  ) =>
    /^goaway [1-9]\d*$/.test(ours) &&
    (/^((failed \d+|reset \d+ 8); )*closed$/.test(gos) ||
      gos === "" && history.includes("goaway 0"))
  ),
  "an error of the connection, to both: which one, and what Go says before, is left open": (
    { bothFailed },
  ) => bothFailed,
  "GOAWAY without an error: we answer it with our own, Go resets the streams that it ends": goOn((
    { frame, ours, gos },
  ) =>
    typeOf(frame) === FrameType.GOAWAY && /^(goaway 0)?(; )?(closed)?$/.test(ours) &&
    /^((reset \d+ [08]|closed)(; )?)*$/.test(gos)
  ),
  "the same while requests wait for permission: we end them at once, Go some time later": (
    difference,
  ) =>
    typeOf(difference.frame) === FrameType.GOAWAY && haveNotBegun(difference) &&
    /failed/.test(difference.ours + difference.gos),
  "GOAWAY with an error: we end all requests, as node:http2 does, Go those that it does not name": (
    { frame, ours },
  ) => typeOf(frame) === FrameType.GOAWAY && numberAt(frame, 13) !== 0 && /^goaway 0/.test(ours),
  "RST_STREAM with PROTOCOL_ERROR: Go begins no more on the connection, and closes it when idle": (
    { frame, before, ours, gos },
  ) =>
    [...before, frame].some(isProtocolError) &&
    (GO_FAILED.test(gos) || /^failed \d+(; failed \d+)*$/.test(gos) || BEGINS.test(ours)),
  "the first frame is not SETTINGS: we look at nothing else; to Go its acknowledgement is one": (
    { before, ours },
  ) => before.every(({ length }) => length === 0) && ours.startsWith("goaway 1"),
  "SETTINGS_MAX_HEADER_LIST_SIZE of a few bytes: Go does not begin, RFC 9113, 6.5.2: advisory": (
    { frame, ours, gos },
  ) => frame.length === 0 && BEGINS.test(ours) && /^failed \d+$/.test(gos),
  "too many settings in a frame: our limit": (difference) =>
    settingsOf(difference).length > MAX_SETTINGS && difference.ours.startsWith("goaway 11"),
  // Frames.
  "an idle stream: an error of the connection by RFC 9113, 5.1, which Go takes for a closed one": (
    difference,
  ) =>
    isIdle(difference) && hasFailed(difference) &&
    /^(.*reset \d+ [01])?(; )?(closed)?$/.test(difference.gos),
  "a stream that the server has closed: STREAM_CLOSED (RFC 9113, 5.1), Go passes it over": goOn((
    { frame, ours, gos },
  ) => ours === `reset ${idOf(frame)} 5` && /^(reset \d+ [01])?$/.test(gos)),
  "a stream that we have reset, because of its answer: Go resets it when more comes": goOn(
    (difference) => {
      const reset = `reset ${idOf(difference.frame)} `;
      return difference.ours === "" && difference.gos.startsWith(reset) &&
        difference.history.some((event) => event.startsWith(reset));
    },
  ),
  "SETTINGS_ENABLE_PUSH of 1 from a server: an error by RFC 9113, 6.5.2, Go takes it": (
    { frame, ours },
  ) =>
    typeOf(frame) === FrameType.SETTINGS && ours.startsWith("goaway 1") &&
    frame.subarray(9).includes(Buffer.of(0, 2, 0, 0, 0, 1)),
  "HEADERS with too much padding: a connection error by RFC 9113, 6.2, one of the stream in Go": (
    difference,
  ) =>
    typeOf(difference.frame) === FrameType.HEADERS && hasFailed(difference) &&
    /^(.*reset \d+ [01])?(; )?(closed)?$/.test(difference.gos),
  "PRIORITY of a wrong length: a stream error by RFC 9113, 6.3, one of the connection in Go": (
    { frame, ours },
  ) => typeOf(frame) === FrameType.PRIORITY && ours.includes(`reset ${idOf(frame)} 6`),
  "INITIAL_WINDOW_SIZE that is too large: which frame Go still acknowledges, and RFC 9113, 6.9.2": (
    { frame, ours, gos },
  ) =>
    typeOf(frame) === FrameType.SETTINGS &&
    (/^goaway 3(; failed \d+)*$/.test(ours) || ours === "" && gos === "settings ack"),
  "a frame that interrupts a block: Go does not wait for its end": ({ frame, ours, gos }) =>
    ours === "" && GO_FAILED.test(gos) && frame.length < 9 + frame.readUIntBE(0, 3),
  "SETTINGS that allow more streams: Go begins them at the next occasion, we at once": (
    { frame, ours, gos },
  ) => typeOf(frame) === FrameType.SETTINGS && BEGINS.test(ours) && gos === "",
  "an even stream after GOAWAY: we pass it over": ({ frame, ours, gos, history }) =>
    idOf(frame) % 2 === 0 && ours === "" && GO_FAILED.test(gos) && history.includes("goaway 0"),
  // Streams.
  "an answer before the request is whole: Go resets the stream, we leave that to the caller": (
    { ours, gos },
  ) => ours === "" && /^(end \d+; headers \d+ .*; )?reset 5 [08]$/.test(gos),
  "the same: Go sends no more of the request once it has a status above 299": ({ ours, gos }) =>
    /^(data|end) 5/.test(ours) && gos === "",
  "with which code a failed stream is reset: in Go its caller gives it up, or it has ended": goOn(
    ({ ours, gos }) => {
      const [, stream] = /^(reset \d+) [13]$/.exec(ours) ?? [];
      return stream !== undefined &&
        (/^(closed)?$/.test(gos) || gos.startsWith(`${stream} `) && !gos.includes("failed"));
    },
  ),
  "the request of a stream that has failed and ended: Go goes on with it": (
    { ours, gos, history },
  ) => ours === "" && /^(data|end) 5/.test(gos) && history.includes("failed 2"),
  "further HEADERS that do not end the stream: Go ends the connection, we the request alone": (
    difference,
  ) =>
    isHeaders(difference) && /reset \d+ 1$/.test(difference.ours) &&
    GO_FAILED.test(difference.gos),
  // Fields.
  "a field of HTTP/1.1's connections: malformed (RFC 9113, 8.2.2), which Go takes": (difference) =>
    isMalformed(difference) &&
    fieldsOf(difference).some(({ kind, name }) => kind === MALFORMED || name === "te"),
  "a control character in a value: RFC 9113, 8.2.1, forbids NUL, CR and LF, Go all": (difference) =>
    /^(reset \d+ 1; )?failed \d+(; closed)?$/.test(difference.gos) && hasControl(difference),
  "304 with a content-length, which speaks of what it does not send: RFC 9110, 8.6; not in Go": (
    difference,
  ) =>
    /^answer \d+: 304, 0 bytes/.test(difference.ours) && /failed \d+/.test(difference.gos) &&
    hasField(difference, "content-length", /^\d+$/),
  "a status that has not three digits: malformed (RFC 9110, 15), Go takes it": (difference) =>
    isMalformed(difference) && hasField(difference, ":status", /^(?![1-9]\d\d$)/),
  ...commonDifferences(() => GO_FAILED, isMalformed),
};
