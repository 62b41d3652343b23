import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { keepConnections } from "../../workarounds/keep_alive.ts";
import { serveInParts } from "../../workarounds/many_requests.ts";
import { limitLinger, spread } from "../connections.ts";
import { LIMITS } from "../limits.ts";

/** The connections of HTTP/1.1. */
export interface Http1 {
  /** Takes over a connection of which nothing has been read, and which is paused. */
  add(socket: Socket): void;
  /** Closes the connections that wait for a request, and the others after their answers. */
  drain(): void;
  /** How many requests wait for their answers. */
  count(): number;
}

/** A connection: whom it serves, and what ends it if the client takes too long. */
interface Connection {
  readonly socket: Socket;
  /** Responses that are not over, in the order of their requests: several where those are sent ahead. */
  readonly responses: Set<ServerResponse>;
  /** After this time its client is told to open another; by `performance.now`. */
  readonly oldAt: number;
  /** It ends with the last of the responses: no further request is taken. */
  ending: boolean;
  /** Nothing that still comes is parsed. */
  over: boolean;
  /** The latest request. */
  request?: IncomingMessage;
  timer?: ReturnType<typeof setTimeout>;
}

/**
 * Serves HTTP/1.1 on connections that others have accepted.
 *
 * @param maxAgeMs after this time, 10 % more or less, a connection ends with the next answer; in
 * milliseconds
 */
export function openHttp1(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  maxAgeMs = Infinity,
): Http1 {
  const connections = new Map<Socket, Connection>();
  let draining = false;
  const server = createServer({
    maxHeaderSize: LIMITS.headerBytes,
    // Connections have time limits of our own below.
    headersTimeout: 0,
    requestTimeout: 0,
    keepAliveTimeout: 0,
  });
  keepConnections(server);
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const connection = connections.get(request.socket);
    if (connection !== undefined && take(connection, request, response)) answer(request, response);
  });
  server.on("clientError", (error: Error & { code?: string }, socket) => {
    const connection = connections.get(socket as Socket);
    if (connection !== undefined) connection.over = true;
    refuse(socket as Socket, error.code === "HPE_HEADER_OVERFLOW" ? TOO_LARGE : BAD);
  });
  return {
    add(socket) {
      const oldAt = draining ? 0 : performance.now() + spread(maxAgeMs);
      const connection: Connection = {
        socket,
        responses: new Set(),
        oldAt,
        ending: false,
        over: false,
      };
      connections.set(socket, connection);
      wait(connection, LIMITS.headersMs);
      socket.once("close", () => {
        clearTimeout(connection.timer);
        connections.delete(socket);
      });
      // node:http ends connections with it, while the client may be sending the rest of its request.
      socket.destroySoon = () => leave(socket);
      serveInParts(server, socket, () => connection.over || socket.destroyed);
      socket.resume();
    },
    drain() {
      draining = true;
      connections.forEach(end);
    },
    count: () => [...connections.values()].reduce((sum, { responses }) => sum + responses.size, 0),
  };
}

/** Takes in a request; returns false where it will not be answered. */
function take(
  connection: Connection,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  const { socket, responses } = connection;
  // https://www.rfc-editor.org/rfc/rfc9112#section-9.6: nothing behind the last answer is processed.
  if (connection.ending) {
    connection.over = true;
    return false;
  }
  if (responses.size >= LIMITS.requestsAhead) {
    socket.destroy();
    return false;
  }
  responses.add(response);
  connection.request = request;
  if (!response.shouldKeepAlive || performance.now() > connection.oldAt) end(connection);
  limitTime(connection);
  // An answer that is whole has as much time to be taken.
  response.once("prefinish", () => limitTime(connection));
  const rest = () => {
    if (responses.size > 0) return;
    if (connection.ending) leave(socket);
    else if (request.complete) wait(connection, LIMITS.httpIdleMs);
  };
  request.once("end", rest);
  response.once("close", () => {
    responses.delete(response);
    // The next request comes behind what was not read of this one.
    request.resume();
    rest();
  });
  return true;
}

/** Closes a connection if by then its request has not come, or its answer has not been taken. */
function limitTime(connection: Connection): void {
  wait(connection, LIMITS.requestMs, () => {
    const [first] = connection.responses;
    // A request that nobody reads never ends; but node:http says when all of it is there.
    return connection.request?.complete === false || first?.writableEnded === true;
  });
}

/** Ends a connection with the answers to the requests that have come. */
function end(connection: Connection): void {
  connection.ending = true;
  const last = [...connection.responses].at(-1);
  // The client learns from the last answer that it needs another connection.
  if (last === undefined) leave(connection.socket);
  else last.shouldKeepAlive = false;
}

/** Closes a connection after a time in milliseconds, unless it waits for something else by then. */
function wait(connection: Connection, ms: number, isLate = () => true): void {
  clearTimeout(connection.timer);
  connection.timer = setTimeout(() => {
    if (isLate()) connection.socket.destroy();
  }, ms);
}

const BAD = "400 Bad Request", TOO_LARGE = "431 Request Header Fields Too Large";

/** Tells a client that what it sent is no request. */
function refuse(socket: Socket, status: string): void {
  if (!socket.writable) return void socket.destroy();
  socket.write(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  leave(socket);
}

/**
 * Ends our side of a connection, and reads on until the client ends its own.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-9.6
 */
function leave(socket: Socket): void {
  if (socket.writableEnded) return;
  socket.end();
  limitLinger(socket);
}
