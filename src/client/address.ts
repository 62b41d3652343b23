/** Where a server is, as it was given. */
export interface Address {
  /** A host name or an IP address, without brackets. */
  readonly host: string;
  /** Absent if none was given. */
  readonly port?: number;
}

/** What {@linkcode parseAddress} accepts, in words for help and errors. */
export const ADDRESS = "HOST or HOST:PORT, such as localhost:50051 or [::1]:50051";

/**
 * Reads `HOST`, `HOST:PORT`, `[IPV6]` or `[IPV6]:PORT`.
 *
 * @returns undefined if the text is none of them. A number alone is not a host: systems would
 * read 50051 as the IPv4 address 0.0.195.131.
 */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([\da-f:.]+(?:%[\w.-]+)?)\]|([\w-]+(?:\.[\w-]+)*\.?))(?::(\d{1,5}))?$/i
    .exec(text);
  if (!match) return undefined;
  const [, ipv6, name, port] = match;
  if (ipv6 !== undefined && !ipv6.includes(":")) return undefined;
  if (name !== undefined && /^\d+$/.test(name)) return undefined;
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65535)) {
    return undefined;
  }
  return {
    host: (ipv6 ?? name)!,
    ...(port === undefined ? {} : { port: Number(port) }),
  };
}

/** Writes host and port as one text, `localhost:50051` or `[::1]:50051`. */
export function formatAddress({ host, port }: Required<Address>): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
