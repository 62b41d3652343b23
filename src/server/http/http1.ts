import { Buffer } from "node:buffer";
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { setTimeoutUntilClose, spread } from "../connection/connections.ts";
import { LIMITS } from "../limits.ts";
import { countHeaders } from "../received.ts";
import { type AnswerRequest, type HttpResponse, lineResponse, withLength } from "./exchange.ts";
import { type Input, openInput, RequestError } from "./http1_input.ts";
import { type Head, openBody, readHead } from "./http1_request.ts";

/** What serves HTTP/1.1. */
export interface Http1Server {
  /** Takes over a connection of HTTP/1.1 of which nothing has been read, and which is paused. */
  connection(socket: Socket): void;
  /** Closes the connections of HTTP/1.1 that wait for a request, and the others after their answers. */
  drain(): void;
  /** How many requests of HTTP/1.1 wait for their answers. */
  callsInFlight(): number;
}

/** A connection, whose requests are answered one after another. */
interface Connection {
  readonly socket: Socket;
  readonly input: Input;
  /** After this time its client is told to open another; by `performance.now`. */
  readonly oldAt: number;
  /** It ends with the answer to the present request, or at once where there is none. */
  ending: boolean;
  /** The request that is being answered. */
  exchange?: Exchange;
  /** Cancels the limit on what it waits for. */
  cancelTimeout?: () => void;
}

/** A request that is being answered. */
interface Exchange {
  /** Aborted when the client has gone. */
  readonly gone: AbortController;
  /** An answer is sent, or is being sent. */
  isAnswered: boolean;
  /** How many bytes of the status line have been sent ahead. */
  probed: number;
}

/**
 * Serves HTTP/1.1 on connections that others have accepted.
 *
 * @param maxAgeMs after this time, 10 % more or less, a connection ends with the next answer; in
 * milliseconds
 */
export function openHttp1(answer: AnswerRequest, maxAgeMs = Infinity): Http1Server {
  const connections = new Set<Connection>();
  let draining = false;
  return {
    connection(socket) {
      const oldAt = draining ? 0 : performance.now() + spread(maxAgeMs);
      const connection: Connection = { socket, input: openInput(socket), oldAt, ending: false };
      connections.add(connection);
      watchEnd(connection, () => connections.delete(connection));
      void serve(connection, answer);
    },
    drain() {
      draining = true;
      connections.forEach(end);
    },
    callsInFlight: () => [...connections].filter(({ exchange }) => exchange !== undefined).length,
  };
}

/** Answers the requests of a connection. */
async function serve(connection: Connection, answer: AnswerRequest): Promise<void> {
  const { input } = connection;
  limitWait(connection, LIMITS.headersMs);
  try {
    for (;;) {
      const head = await readHead(input);
      if (head === undefined || connection.ending) break;
      await serveRequest(connection, head, answer);
      if (connection.ending) break;
      limitWait(connection, LIMITS.httpIdleMs);
      if (input.bytes.length > 0) await nextTurn();
    }
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    refuse(connection, error);
  }
  leave(connection);
}

let lastTurn = Promise.resolve();

/**
 * Waits for a turn of the event loop for which no other connection waits. So one of all requests that
 * were sent ahead begins in each turn, and they do not hold up others.
 */
function nextTurn(): Promise<void> {
  return lastTurn = lastTurn.then(() => new Promise((resolve) => void setImmediate(resolve)));
}

/**
 * Has a request answered, and reads it to its end.
 *
 * @throws {RequestError} if its body cannot be read, and it has no answer yet
 */
async function serveRequest(
  connection: Connection,
  head: Head,
  answer: AnswerRequest,
): Promise<void> {
  const { socket, input, oldAt } = connection;
  const isLarge = head.length !== Infinity && head.length > LIMITS.droppedBytes;
  if (!head.keepAlive || isLarge || performance.now() > oldAt) connection.ending = true;
  const exchange = { gone: new AbortController(), isAnswered: false, probed: 0 };
  connection.exchange = exchange;
  const { signal } = exchange.gone;
  const gone = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
  const release = countHeaders(head.headers, () => socket.destroy());
  const body = openBody(input, head.length);
  limitWait(connection, LIMITS.requestMs, body.isAwaited);
  if (head.expectsContinue) socket.write("HTTP/1.1 100 Continue\r\n\r\n");
  if (input.ended) probeHalfClosed(connection);
  const answered = answer({ ...head, socket, signal, readBody: body.read })
    .then(async (response) => {
      await Promise.race([send(connection, exchange, response), gone]);
      response.release?.();
    });
  try {
    await Promise.race([answered, gone, body.failed]);
    // The next request comes behind what was not read of this one.
    if (!connection.ending) await body.drop();
  } catch (error) {
    if (!exchange.isAnswered) throw error;
    connection.ending = true;
    await Promise.race([answered, gone]);
  } finally {
    release?.();
    delete connection.exchange;
  }
}

/** Sends an answer, unless there is one; resolves when the system has taken all of it. */
async function send(
  connection: Connection,
  exchange: Exchange,
  response: HttpResponse,
): Promise<void> {
  const { socket, input } = connection;
  if (exchange.isAnswered || !socket.writable) return;
  exchange.isAnswered = true;
  if (input.ended && input.bytes.length === 0) connection.ending = true;
  limitWait(connection, LIMITS.requestMs);
  const bytes = bytesOf(response, connection.ending);
  await new Promise((resolve) => void socket.write(bytes.subarray(exchange.probed), resolve));
}

/** Tells a client that what it sent is no request. */
function refuse({ socket }: Connection, { status, message }: RequestError): void {
  if (socket.writable) socket.write(bytesOf(withLength(lineResponse(status, message), ""), true));
}

/** https://www.rfc-editor.org/rfc/rfc9112#section-4 */
function bytesOf({ status, headers, body }: HttpResponse, isLast: boolean): Buffer {
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
  for (const name in headers) head += `${name}: ${headers[name]}\r\n`;
  head += `date: ${new Date().toUTCString()}\r\n`;
  // The client learns from the last answer that it needs another connection.
  head += `Connection: ${isLast ? "close" : "keep-alive"}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, "latin1"), body]);
}

/** Watches how the client ends a connection. */
function watchEnd(connection: Connection, onClose: () => void): void {
  const { socket } = connection;
  // A client that has sent all may close its side, and still wait for its answers.
  socket.allowHalfOpen = true;
  socket.once("end", () => probeHalfClosed(connection));
  // An error that nobody listens to would end the process.
  socket.on("error", () => socket.destroy());
  socket.once("close", () => {
    connection.ending = true;
    connection.exchange?.gone.abort();
    onClose();
    // Deno 2.9.2 keeps closed sockets, and with them all that their listeners hold.
    socket.removeAllListeners().on("error", () => {});
  });
}

/** What the head of every answer begins with. */
const AHEAD = Buffer.from("HTTP/1.1 ");
const PROBE_MS = 20;

/**
 * Finds out whether a client that has closed its side still waits for its answer, or has closed all:
 * TCP shows the difference only to those who send. So the beginning of the answer is sent ahead, byte
 * by byte, each after twice the time of the one before.
 */
function probeHalfClosed({ socket, exchange }: Connection): void {
  if (exchange === undefined) return;
  const probe = (ms: number) =>
    void setTimeoutUntilClose(socket, ms, () => {
      if (exchange.isAnswered || exchange.probed === AHEAD.length) return;
      socket.write(AHEAD.subarray(exchange.probed, ++exchange.probed));
      probe(2 * ms);
    });
  probe(PROBE_MS);
}

/** Closes a connection after a time in milliseconds, unless it waits for something else by then. */
function limitWait(connection: Connection, ms: number, isLate = () => true): void {
  const { socket } = connection;
  connection.cancelTimeout?.();
  connection.cancelTimeout = setTimeoutUntilClose(socket, ms, () => {
    if (isLate()) socket.destroy();
  });
}

/** Ends a connection with the answer to the request that has come. */
function end(connection: Connection): void {
  connection.ending = true;
  if (connection.exchange === undefined) leave(connection);
}

/**
 * Ends our side of a connection, and reads on until the client ends its own, or for a while: to close
 * the connection at once would answer what the client still sends with a TCP reset, which can discard
 * what the client has not read yet.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-9.6
 */
function leave(connection: Connection): void {
  const { socket, input } = connection;
  if (socket.writableEnded) return;
  input.drop();
  socket.end();
  limitWait(connection, LIMITS.lingerMs);
}
