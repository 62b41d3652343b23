import { Buffer } from "node:buffer";
import { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Writable } from "node:stream";
import { limitLinger, spread } from "../connection/connections.ts";
import { LIMITS } from "../limits.ts";
import { type Input, openInput, RequestError } from "./http1_input.ts";
import { type Head, readBody, readHead } from "./http1_request.ts";

/** The connections of HTTP/1.1. */
export interface Http1 {
  /** Takes over a connection of which nothing has been read, and which is paused. */
  add(socket: Socket): void;
  /** Closes the connections that wait for a request, and the others after their answers. */
  drain(): void;
  /** How many requests wait for their answers. */
  count(): number;
}

/** Answers a request: the response has to end some time. */
export type AnswerRequest = (request: IncomingMessage, response: ServerResponse) => void;

/** A connection. Its requests are answered one after another; those behind wait, unread for the most part. */
interface Connection {
  readonly socket: Socket;
  readonly input: Input;
  /** After this time its client is told to open another; by `performance.now`. */
  readonly oldAt: number;
  /** It ends with the answer to the present request, or at once where there is none. */
  ending: boolean;
  /** The request that is being answered. */
  exchange?: Exchange;
  timer?: ReturnType<typeof setTimeout>;
}

/** A request and its response. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Its end ends the response, whether it was sent or not. */
  readonly sink: Writable;
  /** How many bytes of the status line have been sent ahead. */
  probed: number;
}

/**
 * Serves HTTP/1.1 on connections that others have accepted. Messages are node:http's; its server is
 * not used: on Deno 2.9.2 it pauses a connection whose answers come at once and never resumes it, and
 * its parser has no limit for the extensions of chunks.
 *
 * @param maxAgeMs after this time, 10 % more or less, a connection ends with the next answer; in
 * milliseconds
 */
export function openHttp1(answer: AnswerRequest, maxAgeMs = Infinity): Http1 {
  const connections = new Set<Connection>();
  let draining = false;
  return {
    add(socket) {
      const oldAt = draining ? 0 : performance.now() + spread(maxAgeMs);
      const connection: Connection = { socket, input: openInput(socket), oldAt, ending: false };
      connections.add(connection);
      watchEnd(connection);
      socket.once("close", () => connections.delete(connection));
      void serve(connection, answer);
    },
    drain() {
      draining = true;
      connections.forEach(end);
    },
    count: () => [...connections].filter(({ exchange }) => exchange !== undefined).length,
  };
}

/** Answers the requests of a connection. */
async function serve(connection: Connection, answer: AnswerRequest): Promise<void> {
  const { socket, input } = connection;
  wait(connection, LIMITS.headersMs);
  try {
    for (;;) {
      const head = await readHead(input);
      if (head === undefined || connection.ending) break;
      await exchange(connection, head, answer);
      if (connection.ending) break;
      wait(connection, LIMITS.httpIdleMs);
      if (input.bytes.length > 0) await nextTurn();
    }
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    refuse(socket, error);
  }
  leave(connection);
}

let lastTurn = Promise.resolve();

/**
 * Waits for a turn of the event loop that no other connection has waited for: of all requests that were
 * sent ahead, one is begun in each turn, so that they hold up nobody else.
 */
function nextTurn(): Promise<void> {
  return lastTurn = lastTurn.then(() => new Promise((resolve) => void setImmediate(resolve)));
}

/**
 * Receives a request and has it answered.
 *
 * @throws {RequestError} if its body is none, and it has no answer yet
 */
async function exchange(connection: Connection, head: Head, answer: AnswerRequest): Promise<void> {
  const { socket, input } = connection;
  const current = exchangeOf(head, socket);
  const { request, response, sink } = current;
  connection.exchange = current;
  const isOld = performance.now() > connection.oldAt;
  const isLarge = head.length !== Infinity && head.length > LIMITS.droppedBytes;
  if (!head.keepAlive || isOld || isLarge) end(connection);
  limitTime(connection, current);
  if (head.expectsContinue) response.writeContinue();
  const answered = new Promise<void>((resolve) => response.once("close", resolve));
  const received = receive(input, current, head.length);
  if (input.ended) answerHalfClosed(connection);
  answer(request, response);
  try {
    await Promise.race([answered, received.then(() => answered)]);
    // The next request comes behind what was not read of this one.
    if (!connection.ending) await received;
  } catch (error) {
    request.destroy(error as Error);
    if (!response.headersSent) throw error;
    end(connection);
    await answered;
  } finally {
    delete connection.exchange;
    sink.destroy();
  }
}

function exchangeOf(head: Head, socket: Socket): Exchange {
  const request = requestOf(head, socket);
  const response = new ServerResponse(request);
  const send = (bytes: Buffer, done: (error?: Error | null) => void) => {
    socket.write(bytes.subarray(current.probed), done);
    current.probed = 0;
  };
  const sink = new Writable({
    write: (bytes, _encoding, done) => send(bytes, done),
    writev: (parts, done) => send(Buffer.concat(parts.map(({ chunk }) => chunk)), done),
  });
  sink.on("error", () => {});
  const current = { request, response, sink, probed: 0 };
  response.shouldKeepAlive = head.keepAlive;
  response.assignSocket(sink as Socket);
  // A stream that is destroyed within "finish" makes an error in vain, a third of a request's CPU.
  response.once("finish", () => queueMicrotask(() => sink.destroy()));
  return current;
}

function requestOf({ method, target, minor, headers }: Head, socket: Socket): IncomingMessage {
  const request = new IncomingMessage(socket);
  // Its own would take the connection with it.
  request._destroy = (error, done) => done(error);
  return Object.assign(request, {
    method,
    url: target,
    httpVersion: `1.${minor}`,
    httpVersionMajor: 1,
    httpVersionMinor: minor,
    headers,
  });
}

/** Hands the body on as it is read; what is behind the answer is dropped. */
async function receive(
  input: Input,
  { request, response }: Exchange,
  length: number,
): Promise<void> {
  let goOn: (() => void) | undefined;
  let size = 0;
  request._read = () => goOn?.();
  response.once("close", () => goOn?.());
  await readBody(input, length, async (bytes) => {
    size += bytes.length;
    if (response.writableEnded && size > LIMITS.droppedBytes) {
      throw new RequestError("413 Content Too Large", "the request is too large");
    }
    // Nobody reads any more, and who has begun to may be waiting for ever.
    if (response.destroyed) return;
    if (!request.push(bytes)) await new Promise<void>((resolve) => goOn = resolve);
  });
  request.complete = true;
  request.push(null);
}

/** Watches how the client ends a connection. */
function watchEnd(connection: Connection): void {
  const { socket } = connection;
  // A client that has sent all may close its side, and still wait for its answers.
  socket.allowHalfOpen = true;
  socket.once("end", () => answerHalfClosed(connection));
  // An error that nobody listens to would end the process.
  socket.on("error", () => socket.destroy());
  socket.once("close", () => {
    clearTimeout(connection.timer);
    connection.ending = true;
    connection.exchange?.sink.destroy();
    // Deno 2.9.2 keeps closed sockets, and with them all that their listeners hold.
    socket.removeAllListeners().on("error", () => {});
  });
}

/** What the head of every answer begins with. */
const AHEAD = Buffer.from("HTTP/1.1 ");
const PROBE_MS = 20;

/**
 * Answers a client that has closed its side, or finds out that it has closed all: TCP tells the
 * difference only to those who send. So the beginning of the answer is sent ahead, byte by byte, each
 * after twice the time of the one before.
 */
function answerHalfClosed(connection: Connection): void {
  const { socket, input, exchange } = connection;
  if (exchange === undefined) return;
  if (input.bytes.length === 0) end(connection);
  let timer: ReturnType<typeof setTimeout>;
  const probe = (ms: number) => {
    timer = setTimeout(() => {
      if (exchange.response.headersSent || exchange.probed === AHEAD.length) return;
      socket.write(AHEAD.subarray(exchange.probed, ++exchange.probed));
      probe(2 * ms);
    }, ms);
  };
  probe(PROBE_MS);
  exchange.response.once("close", () => clearTimeout(timer));
}

/** Closes a connection if by then its request has not come, or its answer has not been taken. */
function limitTime(connection: Connection, { request, response }: Exchange): void {
  const limit = () =>
    wait(connection, LIMITS.requestMs, () => !request.complete || response.writableEnded);
  limit();
  // An answer that is whole has as much time to be taken.
  response.once("prefinish", limit);
}

/** Closes a connection after a time in milliseconds, unless it waits for something else by then. */
function wait(connection: Connection, ms: number, isLate = () => true): void {
  clearTimeout(connection.timer);
  connection.timer = setTimeout(() => {
    if (isLate()) connection.socket.destroy();
  }, ms);
}

/** Ends a connection with the answer to the request that has come. */
function end(connection: Connection): void {
  connection.ending = true;
  // The client learns from the last answer that it needs another connection.
  if (connection.exchange !== undefined) connection.exchange.response.shouldKeepAlive = false;
  else leave(connection);
}

/** Tells a client that what it sent is no request. */
function refuse(socket: Socket, { status, message }: RequestError): void {
  if (!socket.writable) return;
  const fields = [
    `HTTP/1.1 ${status}`,
    "connection: close",
    "content-type: text/plain; charset=utf-8",
    `content-length: ${message.length + 1}`,
  ];
  socket.write(`${fields.join("\r\n")}\r\n\r\n${message}\n`);
}

/**
 * Ends our side of a connection, and reads on until the client ends its own.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-9.6
 */
function leave({ socket, input }: Connection): void {
  if (socket.writableEnded) return;
  input.drop();
  socket.end();
  limitLinger(socket);
}
