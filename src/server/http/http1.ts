import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { limitLinger } from "../connections.ts";
import { LIMITS } from "../limits.ts";

/** The connections of HTTP/1.1. */
export interface Http1 {
  /** Takes over a connection of which nothing has been read. */
  add(socket: Socket): void;
  /** Closes the connections that wait for a request, and the others after their answers. */
  drain(): void;
  /** How many requests wait for their answers. */
  count(): number;
}

/** A connection: what it waits for, and what ends it if that takes too long. */
interface Connection {
  /** Requests that wait for their answers: more than one where they are sent ahead. */
  requests: number;
  timer?: ReturnType<typeof setTimeout>;
}

/** Serves HTTP/1.1 on connections that others have accepted. */
export function openHttp1(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
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

  function wait(socket: Socket, connection: Connection, ms: number): void {
    clearTimeout(connection.timer);
    connection.timer = setTimeout(() => socket.destroy(), ms);
  }

  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    const connection = connections.get(socket);
    if (connection === undefined) return;
    if (++connection.requests > LIMITS.concurrentStreams) return void socket.destroy();
    clearTimeout(connection.timer);
    if (!request.complete) {
      wait(socket, connection, LIMITS.requestMs);
      request.once("end", () => clearTimeout(connection.timer));
    }
    if (draining) response.shouldKeepAlive = false;
    response.once("close", () => {
      connection.requests--;
      if (connection.requests > 0 || socket.destroyed) return;
      if (draining || !response.shouldKeepAlive) leave(socket);
      else wait(socket, connection, LIMITS.httpIdleMs);
    });
    answer(request, response);
  });
  server.on("clientError", (error: Error & { code?: string }, socket) => {
    refuse(socket as Socket, error.code === "HPE_HEADER_OVERFLOW" ? TOO_LARGE : BAD);
  });

  return {
    add(socket) {
      const connection = { requests: 0 };
      connections.set(socket, connection);
      wait(socket, connection, LIMITS.headersMs);
      socket.once("close", () => {
        clearTimeout((connection as Connection).timer);
        connections.delete(socket);
      });
      server.emit("connection", socket);
    },
    drain() {
      draining = true;
      for (const [socket, { requests }] of connections) if (requests === 0) leave(socket);
    },
    count: () => [...connections.values()].reduce((sum, { requests }) => sum + requests, 0),
  };
}

const BAD = "400 Bad Request", TOO_LARGE = "431 Request Header Fields Too Large";

/** Tells a client that what it sent is no request. */
function refuse(socket: Socket, status: string): void {
  if (!socket.writable) return void socket.destroy();
  socket.write(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  leave(socket);
}

function leave(socket: Socket): void {
  socket.end();
  limitLinger(socket);
}
