/**
 * grpc-js misreads answers that are not valid gRPC.
 *
 * - What is wrong, in `Http2SubchannelCall` and `ResolvingCall`, each observed:
 *   - A `grpc-status` that is no status is handed on: NaN for `abc`, 192 for `192`. A program that
 *     computes its exit code from it exits with 0.
 *   - The body of an HTML page is read as a gRPC message, "larger than max (1752460652 …)". Its HTTP
 *     status counts only after that, when the call counts as answered and is not retried any more.
 *   - A `grpc-message` in raw UTF-8 is logged and dropped, one invalid percent escape leaves all of
 *     them as they are, and `%2F` is never decoded (`decodeURI`).
 *   - A message that is cut short by the trailers is passed over: "No message received".
 *   - A compressed message without `grpc-encoding`, or with one that is not known, ends the process:
 *     `CompressionFilter` rejects with an Error, of which `cancelWithStatus` gets code and details,
 *     which it does not have.
 *   - Where a connection ends with an error, each call on it gets the status of a stream that was reset
 *     with that error: CANCELLED, PERMISSION_DENIED, mostly INTERNAL. `--retries` retries none of them.
 * - Versions: @grpc/grpc-js 1.14.7, Deno 2.9.2.
 * - Upstream: no issue is known;
 *   https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#responses,
 *   https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md
 * - Measured: with this file each is what the specification says.
 * - Fails: without it "each odd answer ends its call as gRPC says" in tests/odd/answers_test.ts;
 *   after an update it throws where grpc-js has no such methods.
 * - It can go, a part at a time, when the rows of that part pass without.
 */
import { Buffer } from "node:buffer";
import { Metadata, type MetadataValue, status } from "@grpc/grpc-js";
import { Http2SubchannelConnector } from "@grpc/grpc-js/build/src/transport.js";
import type { Headers } from "../http2/fields.ts";
import { NO_ERROR } from "../http2/frames.ts";
import type { Session } from "../http2/session.ts";
import { privateMethods } from "./private_parts.ts";
import { type AnswerListener, isUnary, wholeAnswer } from "./whole_answers.ts";

interface Status {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
  /** That of the stream, where it ended without a status. */
  readonly rstCode?: number;
}

type Listener = AnswerListener<Status>;

/** A call on a connection. */
interface Call {
  readonly httpStatusCode?: number;
  /** `readState` is 0 between two messages. */
  readonly decoder: { readonly readState: number };
  readonly connectionDropped: boolean;
  handleTrailers(headers: Headers): void;
  startRead(): void;
  endCall(status: Status): void;
}

interface Transport {
  readonly session: Session;
  createCall(
    metadata: Metadata,
    host: string,
    method: string,
    listener: Listener,
    ...rest: unknown[]
  ): Call;
}

interface Connector {
  connect(...rest: unknown[]): Promise<Transport>;
}

/** Changes grpc-js, for all channels of this process. */
export function readOddAnswers(): void {
  const connector = privateMethods<Connector>(Http2SubchannelConnector, ["connect"]);
  const { connect } = connector;
  connector.connect = async function (...args) {
    const transport = await connect.apply(this, args);
    readAnswersOf(transport);
    return transport;
  };
}

function readAnswersOf(transport: Transport): void {
  const { createCall } = transport;
  transport.createCall = (metadata, host, method, listener, ...rest) => {
    let encoding: MetadataValue | undefined;
    let hasStatus = false;
    const isBroken = () => !hasStatus && (transport.session.destroyed || call.connectionDropped);
    const whole = isUnary(method)
      ? wholeAnswer(
        listener,
        () => call.startRead(),
        (details) => end([status.INTERNAL, details]),
        () => isBroken(),
      )
      : listener;
    const call: Call = createCall.call(transport, metadata, host, method, {
      onReceiveMetadata(metadata) {
        encoding = metadata.get("grpc-encoding")[0];
        const fault = httpFault(call.httpStatusCode, metadata.get("content-type")[0]);
        if (fault === undefined) whole.onReceiveMetadata(metadata);
        else end(fault);
      },
      onReceiveMessage(message) {
        // Its prefix of five bytes comes with it.
        const odd = codingFault(message[0]!, encoding);
        if (odd === undefined) whole.onReceiveMessage(message);
        else end([status.INTERNAL, odd]);
      },
      onReceiveStatus(received) {
        const odd = isBroken() ? BROKEN : endFault(received, call);
        if (odd === undefined) whole.onReceiveStatus(received);
        else whole.onReceiveStatus({ ...received, code: odd[0], details: odd[1] });
      },
    }, ...rest);
    const end = ([code, details]: Fault) => {
      hasStatus = true;
      call.endCall({ code, details, metadata: new Metadata() });
    };
    const { handleTrailers } = call;
    call.handleTrailers = (headers) => {
      hasStatus = true;
      handleTrailers.call(call, withPlainStatus(headers));
    };
    return call;
  };
}

/** What is wrong with an answer. */
type Fault = readonly [code: status, details: string];

const CODES_OF_HTTP: Readonly<Record<number, status>> = {
  400: status.INTERNAL,
  401: status.UNAUTHENTICATED,
  403: status.PERMISSION_DENIED,
  404: status.UNIMPLEMENTED,
  429: status.UNAVAILABLE,
  502: status.UNAVAILABLE,
  503: status.UNAVAILABLE,
  504: status.UNAVAILABLE,
};

function httpFault(
  httpStatus: number | undefined,
  contentType: MetadataValue | undefined,
): Fault | undefined {
  const isGrpc = /^application\/grpc(?:[+;]|$)/i.test(`${contentType ?? ""}`);
  if (httpStatus === 200 && isGrpc) return undefined;
  const type = contentType === undefined ? "no content type" : `content type ${contentType}`;
  return [
    CODES_OF_HTTP[httpStatus!] ?? status.UNKNOWN,
    `the answer is not gRPC: HTTP status ${httpStatus}, ${type}`,
  ];
}

function codingFault(flag: number, encoding: MetadataValue | undefined): string | undefined {
  if (flag === 0) return undefined;
  if (flag !== 1) return `the message has the flag ${flag}, which gRPC does not know`;
  if (encoding === undefined || encoding === "identity") {
    return "the message is compressed, but the server named no encoding";
  }
  // What grpc-js can decode.
  if (encoding === "gzip" || encoding === "deflate") return undefined;
  return `the message is compressed with "${encoding}", which is not supported`;
}

const BROKEN: Fault = [status.UNAVAILABLE, "the connection broke"];

function endFault({ code, rstCode }: Status, { decoder }: Call): Fault | undefined {
  if (code === status.OK && decoder.readState !== 0) {
    return [status.INTERNAL, "the message is cut short"];
  }
  if (rstCode === NO_ERROR) {
    return [status.INTERNAL, "the server ended the answer without a status"];
  }
  return undefined;
}

/** The same trailers with a status and a message that grpc-js reads as they are meant. */
function withPlainStatus(headers: Headers): Headers {
  const sent = first(headers["grpc-status"]);
  // Nearly all calls end so.
  if (sent === "0" && headers["grpc-message"] === undefined) return headers;
  const text = decodeMessage(first(headers["grpc-message"]) ?? "");
  const [code, details] = statusOf(sent, text, headers);
  return { ...headers, "grpc-status": `${code}`, "grpc-message": encodeURI(details) };
}

function statusOf(
  sent: string | undefined,
  text: string,
  headers: Headers,
): readonly [code: number | string, details: string] {
  if (sent === undefined) {
    const isWhole = headers[":status"] !== undefined;
    return isWhole && httpFault(Number(headers[":status"]), first(headers["content-type"])) ||
      [status.UNKNOWN, "the answer has no grpc-status"];
  }
  if (/^(?:\d|1[0-6])$/.test(sent)) return [sent, text];
  const known = `the server sent the status "${decodeBytes(sent)}", which gRPC does not know`;
  return [status.UNKNOWN, text === "" ? known : `${known}: ${text}`];
}

/** The first value of a header that came more than once. */
function first(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "object" ? value[0] : value;
}

/**
 * The text of a `grpc-message`: percent escapes of the bytes of UTF-8, and, from servers that do not
 * know of them, these bytes themselves. What is no escape stays as it is.
 */
function decodeMessage(value: string): string {
  return decodeBytes(
    value.replace(/%([\da-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16))),
  );
}

/** The text of a header's value, which has a character for each byte. */
function decodeBytes(value: string): string {
  return Buffer.from(value, "latin1").toString();
}
