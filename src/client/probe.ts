import { connect as connectTcp, type Socket } from "node:net";
import {
  connect as connectTls,
  type ConnectionOptions as TlsOptions,
  type PeerCertificate,
} from "node:tls";
import type { Endpoint } from "../contract/endpoint.ts";
import { validityFault } from "../contract/tls_files.ts";
import { PREFACE } from "../http2/frames.ts";
import { Session } from "../http2/session.ts";
import type { ConnectionOptions } from "./connection_options.ts";
import { isTlsAlert, type SocketError, socketErrorReason } from "./failure.ts";
import type { Target } from "./target.ts";
import { type ClientTls, tlsOptions } from "./tls_options.ts";

/** How long each connection may take, in milliseconds. */
const PROBE_MS = 1_000;

/**
 * Finds out, by a connection of its own, why calls do not get through to a server.
 *
 * @returns what is wrong; undefined if that was not found out
 */
export async function explainConnection(
  { target, tls }: ConnectionOptions,
): Promise<string | undefined> {
  const { endpoint } = target;
  const refusal = await tryTcp(endpoint);
  if (refusal !== undefined) {
    const fault = "path" in endpoint ? await pathFault(endpoint.path, refusal) : undefined;
    return fault ?? socketErrorReason(refusal);
  }
  return tls === undefined ? await probePlainText(endpoint) : await probeTls(target, tls);
}

/**
 * Finds out, by a connection of its own, whether the headers of calls are larger than a server takes.
 *
 * @returns the limit and the size; undefined if there is no limit, or the headers are far below it
 */
export async function explainHeaderSize(
  connection: ConnectionOptions,
): Promise<string | undefined> {
  const limit = await headerLimit(connection);
  const bytes = connection.headers
    .reduce((sum, { name, value }) => sum + name.length + value.length + FIELD_BYTES, 0);
  if (limit === undefined || bytes + OWN_FIELDS_BYTES < limit) return undefined;
  return `the metadata is too large: it has ${bytes} bytes, of ${limit} that the server takes for ` +
    `all headers (${FIELD_BYTES} more for each)`;
}

/** How much a field counts beyond its name and value: RFC 9113, section 6.5.2. */
const FIELD_BYTES = 32;
/** As much as the fields that gRPC sets itself may count. */
const OWN_FIELDS_BYTES = 1_024;

/** How large headers may be, in bytes, as a server announces it. */
async function headerLimit({ target, tls, wire }: ConnectionOptions): Promise<number | undefined> {
  const observe = wire &&
    await (await import("./show_connections.ts")).showConnections(wire, target);
  const socket = tls === undefined
    ? connectTcp({ ...target.endpoint })
    : connectTls({ ...target.endpoint, ...await tlsOptions(target, tls) });
  const session = new Session(false, socket, observe === undefined ? {} : { observe });
  let limit: number | undefined;
  session.on("remoteSettings", ({ maxHeaderListSize }) => {
    limit = maxHeaderListSize;
    socket.destroy();
  });
  session.on("error", () => {});
  await untilClosed(socket);
  return limit;
}

/** What is wrong with a path: systems refuse any other file as they refuse a socket file without a server. */
async function pathFault(path: string, { code }: SocketError): Promise<string | undefined> {
  if (code === "EINVAL") return "the path is too long for a socket file";
  const file = await Deno.stat(path).catch(() => undefined);
  if (file?.isDirectory) return "it is a directory, not a socket file";
  return file?.isSocket === false ? "it is not a socket file" : undefined;
}

/**
 * Waits until a socket has closed, which is closed at the latest after {@linkcode PROBE_MS}.
 *
 * @returns its error; undefined if it had none
 */
function untilClosed(socket: Socket): Promise<SocketError | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => socket.destroy(), PROBE_MS);
    let failed: SocketError | undefined;
    socket.on("error", (error) => failed = error);
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(failed);
    });
  });
}

/** @returns the error; undefined if there is a connection */
async function tryTcp(endpoint: Endpoint): Promise<SocketError | undefined> {
  const socket = connectTcp({ ...endpoint });
  let isConnected = false;
  socket.on("connect", () => {
    isConnected = true;
    socket.destroy();
  });
  const error = await untilClosed(socket);
  return isConnected ? undefined : error ?? { code: "ETIMEDOUT", message: "" };
}

async function probePlainText(endpoint: Endpoint): Promise<string | undefined> {
  // No data is sent, so that the server need not be verified.
  const { secured, error } = await tryTls(endpoint, { rejectUnauthorized: false });
  if (secured || error && isTlsAlert(error)) return "the server speaks TLS, call it with TLS";
  return await speaksHttp1(endpoint) ? "the server speaks HTTP/1.1, gRPC needs HTTP/2" : undefined;
}

/** Whether a server answers the preface of HTTP/2 in HTTP/1: some read it as a request. */
async function speaksHttp1(endpoint: Endpoint): Promise<boolean> {
  const socket = connectTcp({ ...endpoint }, () => void socket.write(PREFACE));
  let speaks = false;
  socket.once("data", (start) => {
    // Some servers answer an unknown version of HTTP with a page that has no status line.
    speaks = /^(?:HTTP\/1\.|\s*<(?:!doctype|html))/i.test(`${start}`);
    socket.destroy();
  });
  await untilClosed(socket);
  return speaks;
}

async function probeTls(target: Target, tls: ClientTls): Promise<string | undefined> {
  const end = await tryTls(target.endpoint, await tlsOptions(target, tls));
  if (end.secured) {
    if (end.protocol !== "h2") return "the server speaks TLS, but not HTTP/2 in it";
    if (end.spoke) return undefined;
    if (tls.identity !== undefined) return "the server does not accept the client certificate";
  }
  if (end.error === undefined) {
    // Some servers, Deno's among them, close the connection without an alert, or before it arrives.
    return end.secured
      ? "the server ends connections after the TLS handshake, it seems to demand a client certificate"
      : undefined;
  }
  const stale = isTlsAlert(end.error) ? undefined : await probeValidity(target.endpoint);
  if (stale !== undefined) return stale;
  // The message says that the TLS handshake failed, as that of grpc-js does; the code does not.
  const isCutOff = !end.secured && end.error.code === "ECONNRESET";
  return isCutOff ? end.error.message : socketErrorReason(end.error);
}

/** Deno reports a certificate that has expired as one that is not signed by an authority. */
async function probeValidity(endpoint: Endpoint): Promise<string | undefined> {
  const { certificate } = await tryTls(endpoint, { rejectUnauthorized: false });
  if (certificate === undefined) return undefined;
  const { valid_from: validFrom, valid_to: validTo } = certificate;
  const fault = validityFault({ validFrom, validTo });
  return fault && `the server's certificate ${fault}`;
}

/** How an attempt to speak TLS went. */
interface TlsEnd {
  /** Whether the handshake was completed. */
  secured: boolean;
  /** The server's. */
  certificate?: PeerCertificate;
  /** The protocol that was agreed on by ALPN. */
  protocol?: string;
  /** Whether the server sent data. */
  spoke: boolean;
  error?: SocketError;
}

async function tryTls(endpoint: Endpoint, options: TlsOptions): Promise<TlsEnd> {
  const end: TlsEnd = { secured: false, spoke: false };
  const socket = connectTls({ ...endpoint, ...options });
  socket.on("secureConnect", () => {
    end.secured = true;
    end.certificate = socket.getPeerCertificate();
    if (socket.alpnProtocol) end.protocol = socket.alpnProtocol;
    // Only HTTP/2 has its server speak first.
    if (end.protocol !== "h2") socket.destroy();
  });
  socket.on("data", () => {
    end.spoke = true;
    socket.destroy();
  });
  const error = await untilClosed(socket);
  return { ...end, ...(error && { error }) };
}
