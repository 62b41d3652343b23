/** The server that a channel connects to. */
export interface Target {
  /** As gRPC writes it: `dns:localhost:50051`. */
  readonly uri: string;
  /** As messages write it: `localhost:50051`. */
  readonly name: string;
}

/** Where a server is, as it was given. */
interface Address {
  /** A host name or an IP address, without brackets. */
  readonly host: string;
  /** Absent if none was given. */
  readonly port?: number;
}

const DEFAULT_PORT = 50051;

/** What {@linkcode parseTarget} accepts, in words for help and errors. */
export const TARGET = "HOST or HOST:PORT, such as localhost:50051 or [::1]:50051";

/**
 * Reads a target name: `HOST`, `HOST:PORT`, `[IPV6]` or `[IPV6]:PORT`. Without a port it is 50051.
 *
 * @param port taken in place of the one in the text
 * @returns undefined if the text is none of them. A number alone is not a host: systems would
 * read 50051 as the IPv4 address 0.0.195.131.
 */
export function parseTarget(text: string, port?: number): Target | undefined {
  const address = parseAddress(text);
  if (address === undefined) return undefined;
  const name = formatAddress({ host: address.host, port: port ?? address.port ?? DEFAULT_PORT });
  return { uri: `dns:${name}`, name };
}

function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([\da-f:.]+(?:%[\w.-]+)?)\]|([\w-]+(?:\.[\w-]+)*\.?))(?::(\d{1,5}))?$/i
    .exec(text);
  if (!match) return undefined;
  const [, ipv6, name, port] = match;
  if (ipv6 !== undefined && !ipv6.includes(":")) return undefined;
  if (name !== undefined && /^\d+$/.test(name)) return undefined;
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65535)) return undefined;
  return { host: (ipv6 ?? name)!, ...(port === undefined ? {} : { port: Number(port) }) };
}

function formatAddress({ host, port }: Required<Address>): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
