import { codeOf, ExpectedError } from "../text/errors.ts";

/** The port of a server, and of a target, that names none. */
export const DEFAULT_PORT = 50051;

/** Every address of the machine, of both IP versions. */
export const ANY_HOST = "::";

/** A TCP port to listen on. */
export interface TcpEndpoint {
  /** A host name or an IP address; `::` means every IPv4 and IPv6 address of the machine. */
  readonly host: string;
  /** A TCP port; 0 asks the system for a free one. */
  readonly port: number;
}

/** A Unix socket to listen on. */
export interface UnixEndpoint {
  /** The path of the socket file. */
  readonly path: string;
}

/** Where to listen. */
export type Endpoint = TcpEndpoint | UnixEndpoint;

/** Writes an endpoint as clients write it: `127.0.0.1:50051`, `[::]:50051`, `unix:/run/usersvc`. */
export function formatEndpoint(endpoint: Endpoint): string {
  if ("path" in endpoint) return `unix:${endpoint.path}`;
  const { host, port } = endpoint;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The system does not let us listen; the message says where, and why. */
export class ListenError extends ExpectedError {
  override name = "ListenError";
  /** The system's code, such as `EADDRINUSE`; the text `undefined` if it gives none. */
  readonly code: string;

  /**
   * @param purpose what cannot be done there
   * @param cause the system's error
   */
  constructor(
    readonly purpose: "listen" | "serve metrics",
    readonly endpoint: Endpoint,
    reason: string,
    cause: unknown,
  ) {
    super(`cannot ${purpose} on ${formatEndpoint(endpoint)}: ${reason}`, { cause });
    this.code = codeOf(cause);
  }
}
