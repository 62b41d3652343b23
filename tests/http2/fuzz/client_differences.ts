/** Where our client and Go's differ, and why neither is wrong. */
import { Buffer } from "node:buffer";
import { MALFORMED } from "../../../src/http2/fields.ts";
import { MAX_SETTINGS } from "../../../src/http2/limits.ts";
import { FrameType } from "../../support/frames.ts";
import { commonDifferences, hasControl } from "./common_differences.ts";
import type { Difference, Legal } from "./compare.ts";
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

/** Of those that match a difference the first one counts. */
export const CLIENT_DIFFERENCES: readonly Legal[] = [
  // The end of a connection.
  {
    what: "an error of the connection: Go closes it without GOAWAY, most of the time",
    then: "go on",
    matches: ({ ours, gos, history }) =>
      /^goaway [1-9]\d*$/.test(ours) &&
      (/^((failed \d+|reset \d+ 8); )*closed$/.test(gos) ||
        gos === "" && history.includes("goaway 0")),
  },
  {
    what: "an error of the connection, to both: which one, and what Go says before, is left open",
    matches: ({ bothFailed }) => bothFailed,
  },
  {
    what: "GOAWAY without an error: we answer it with our own, Go resets the streams that it ends",
    then: "go on",
    matches: ({ frame, ours, gos }) =>
      typeOf(frame) === FrameType.GOAWAY && /^(goaway 0)?(; )?(closed)?$/.test(ours) &&
      /^((reset \d+ [08]|closed)(; )?)*$/.test(gos),
  },
  {
    what: "the same while requests wait for permission: we end them at once, Go some time later",
    matches: (difference) =>
      typeOf(difference.frame) === FrameType.GOAWAY && haveNotBegun(difference) &&
      /failed/.test(difference.ours + difference.gos),
  },
  {
    what:
      "GOAWAY with an error: we end all requests, as node:http2 does, Go those that it does not name",
    matches: ({ frame, ours }) =>
      typeOf(frame) === FrameType.GOAWAY && numberAt(frame, 13) !== 0 && /^goaway 0/.test(ours),
  },
  {
    what:
      "RST_STREAM with PROTOCOL_ERROR: Go begins no more on the connection, and closes it when idle",
    matches: ({ frame, before, ours, gos }) =>
      [...before, frame].some(isProtocolError) &&
      (GO_FAILED.test(gos) || /^failed \d+(; failed \d+)*$/.test(gos) || BEGINS.test(ours)),
  },
  {
    what:
      "the first frame is not SETTINGS: we look at nothing else; to Go its acknowledgement is one",
    matches: ({ before, ours }) =>
      before.every(({ length }) => length === 0) && ours.startsWith("goaway 1"),
  },
  {
    what:
      "SETTINGS_MAX_HEADER_LIST_SIZE of a few bytes: Go does not begin, RFC 9113, 6.5.2: advisory",
    matches: ({ frame, ours, gos }) =>
      frame.length === 0 && BEGINS.test(ours) && /^failed \d+$/.test(gos),
  },
  {
    what: "too many settings in a frame: our limit",
    matches: (difference) =>
      settingsOf(difference).length > MAX_SETTINGS && difference.ours.startsWith("goaway 11"),
  },
  // Frames.
  {
    what:
      "an idle stream: an error of the connection by RFC 9113, 5.1, which Go takes for a closed one",
    matches: (difference) =>
      isIdle(difference) && hasFailed(difference) &&
      /^(.*reset \d+ [01])?(; )?(closed)?$/.test(difference.gos),
  },
  {
    what: "a stream that the server has closed: STREAM_CLOSED (RFC 9113, 5.1), Go passes it over",
    then: "go on",
    matches: ({ frame, ours, gos }) =>
      ours === `reset ${idOf(frame)} 5` && /^(reset \d+ [01])?$/.test(gos),
  },
  {
    what: "a stream that we have reset, because of its answer: Go resets it when more comes",
    then: "go on",
    matches: (difference) => {
      const reset = `reset ${idOf(difference.frame)} `;
      return difference.ours === "" && difference.gos.startsWith(reset) &&
        difference.history.some((event) => event.startsWith(reset));
    },
  },
  {
    what: "SETTINGS_ENABLE_PUSH of 1 from a server: an error by RFC 9113, 6.5.2, Go takes it",
    matches: ({ frame, ours }) =>
      typeOf(frame) === FrameType.SETTINGS && ours.startsWith("goaway 1") &&
      frame.subarray(9).includes(Buffer.of(0, 2, 0, 0, 0, 1)),
  },
  {
    what:
      "HEADERS with too much padding: a connection error by RFC 9113, 6.2, one of the stream in Go",
    matches: (difference) =>
      typeOf(difference.frame) === FrameType.HEADERS && hasFailed(difference) &&
      /^(.*reset \d+ [01])?(; )?(closed)?$/.test(difference.gos),
  },
  {
    what:
      "PRIORITY of a wrong length: a stream error by RFC 9113, 6.3, one of the connection in Go",
    matches: ({ frame, ours }) =>
      typeOf(frame) === FrameType.PRIORITY && ours.includes(`reset ${idOf(frame)} 6`),
  },
  {
    what:
      "INITIAL_WINDOW_SIZE that is too large: which frame Go still acknowledges, and RFC 9113, 6.9.2",
    matches: ({ frame, ours, gos }) =>
      typeOf(frame) === FrameType.SETTINGS &&
      (/^goaway 3(; failed \d+)*$/.test(ours) || ours === "" && gos === "settings ack"),
  },
  {
    what: "a frame that interrupts a block: Go does not wait for its end",
    matches: ({ frame, ours, gos }) =>
      ours === "" && GO_FAILED.test(gos) && frame.length < 9 + frame.readUIntBE(0, 3),
  },
  {
    what: "SETTINGS that allow more streams: Go begins them at the next occasion, we at once",
    matches: ({ frame, ours, gos }) =>
      typeOf(frame) === FrameType.SETTINGS && BEGINS.test(ours) && gos === "",
  },
  {
    what: "an even stream after GOAWAY: we pass it over",
    matches: ({ frame, ours, gos, history }) =>
      idOf(frame) % 2 === 0 && ours === "" && GO_FAILED.test(gos) && history.includes("goaway 0"),
  },
  // Streams.
  {
    what:
      "an answer before the request is whole: Go resets the stream, we leave that to the caller",
    matches: ({ ours, gos }) =>
      ours === "" && /^(end \d+; headers \d+ .*; )?reset 5 [08]$/.test(gos),
  },
  {
    what: "the same: Go sends no more of the request once it has a status above 299",
    matches: ({ ours, gos }) => /^(data|end) 5/.test(ours) && gos === "",
  },
  {
    what: "with which code a failed stream is reset: in Go its caller gives it up, or it has ended",
    then: "go on",
    matches: ({ ours, gos }) => {
      const [, stream] = /^(reset \d+) [13]$/.exec(ours) ?? [];
      return stream !== undefined &&
        (/^(closed)?$/.test(gos) || gos.startsWith(`${stream} `) && !gos.includes("failed"));
    },
  },
  {
    what: "the request of a stream that has failed and ended: Go goes on with it",
    matches: ({ ours, gos, history }) =>
      ours === "" && /^(data|end) 5/.test(gos) && history.includes("failed 2"),
  },
  {
    what:
      "further HEADERS that do not end the stream: Go ends the connection, we the request alone",
    matches: (difference) =>
      isHeaders(difference) && /reset \d+ 1$/.test(difference.ours) &&
      GO_FAILED.test(difference.gos),
  },
  // Fields.
  {
    what: "a field of HTTP/1.1's connections: malformed (RFC 9113, 8.2.2), which Go takes",
    matches: (difference) =>
      isMalformed(difference) &&
      fieldsOf(difference).some(({ kind, name }) => kind === MALFORMED || name === "te"),
  },
  {
    what: "a control character in a value: RFC 9113, 8.2.1, forbids NUL, CR and LF, Go all",
    matches: (difference) =>
      /^(reset \d+ 1; )?failed \d+(; closed)?$/.test(difference.gos) && hasControl(difference),
  },
  {
    what:
      "304 with a content-length, which speaks of what it does not send: RFC 9110, 8.6; not in Go",
    matches: (difference) =>
      /^answer \d+: 304, 0 bytes/.test(difference.ours) && /failed \d+/.test(difference.gos) &&
      hasField(difference, "content-length", /^\d+$/),
  },
  {
    what: "a status that has not three digits: malformed (RFC 9110, 15), Go takes it",
    matches: (difference) =>
      isMalformed(difference) && hasField(difference, ":status", /^(?![1-9]\d\d$)/),
  },
  ...commonDifferences(() => GO_FAILED, isMalformed),
];
