import { DEFAULT_PORT } from "../contract/endpoint.ts";
/** The server, or the several alike, that a channel connects to. */
export interface Target {
  /** As grpc-js reads it: `dns:localhost:50051`. */
  readonly uri: string;
  /** As messages write it: `localhost:50051`, `unix:/run/usersvc.sock`. */
  readonly name: string;
  /** Where it is, or the first of several. */
  readonly endpoint: SocketAddress;
  /**
   * The host that a TLS certificate has to name: a DNS name or an IP address. Undefined for a list
   * of several addresses, which have no name in common.
   */
  readonly host: string | undefined;
  /** Calls go to all addresses in turn, not to the first that answers. */
  readonly balanced: boolean;
}

/** What a socket connects to; a host has no brackets. */
export type SocketAddress =
  | { readonly host: string; readonly port: number }
  | { readonly path: string };

/** A host and a port as they were given. */
interface Address {
  /** A host name or an IP address, without brackets. */
  readonly host: string;
  /** Absent if none was given. */
  readonly port?: number;
}

/** What {@linkcode parseTarget} accepts, in words for help and errors. */
export const TARGET =
  "HOST:PORT, [IPV6]:PORT, dns:///NAME:PORT, unix:PATH, ipv4:IP:PORT,... or ipv6:[IP]:PORT,...";

/**
 * Reads a target name of gRPC. Without a port it is 50051.
 *
 * `HOST`, `HOST:PORT`, `[IPV6]` and `[IPV6]:PORT` are one server. `dns:` and `dns:///` before them
 * spread calls over all the addresses of the name, `ipv4:` and `ipv6:` over a list with commas.
 * `unix:PATH` and `unix:///PATH` are a socket file.
 *
 * @param port taken in place of the one in the text
 * @returns undefined if the text is none of them, or if there is no one port to replace. A number
 * alone is not a host: systems would read 50051 as the IPv4 address 0.0.195.131.
 * @see https://github.com/grpc/grpc/blob/master/doc/naming.md
 */
export function parseTarget(text: string, port?: number): Target | undefined {
  const target = parseName(text);
  return target === undefined || port === undefined ? target : withPort(target, port);
}

/**
 * The same target at another port.
 *
 * @returns undefined for a socket file, and for several addresses: there is no one port to replace
 */
export function withPort(target: Target, port: number): Target | undefined {
  const { uri, name, endpoint, host } = target;
  if ("path" in endpoint || host === undefined) return undefined;
  const moved = { ...endpoint, port };
  // Both end with the address.
  const replace = (text: string) =>
    text.slice(0, -formatAddress(endpoint).length) + formatAddress(moved);
  return { ...target, uri: replace(uri), name: replace(name), endpoint: moved };
}

function parseName(text: string): Target | undefined {
  const [, scheme, rest] = /^(dns|unix|ipv4|ipv6):(.*)$/s.exec(text) ?? [];
  switch (scheme) {
    case undefined:
      return parseHost(text);
    case "dns":
      return parseDns(rest!);
    case "unix":
      return parseUnix(rest!);
    default:
      return parseList(scheme as "ipv4" | "ipv6", rest!);
  }
}

function parseHost(text: string): Target | undefined {
  const address = parseAddress(text);
  if (address === undefined) return undefined;
  const endpoint = { host: address.host, port: address.port ?? DEFAULT_PORT };
  const name = formatAddress(endpoint);
  return { uri: `dns:${name}`, name, endpoint, host: endpoint.host, balanced: false };
}

function parseDns(text: string): Target | undefined {
  // grpc-js cannot ask another DNS server than the system's: dns://SERVER/NAME is not accepted.
  const target = parseHost(text.replace(/^\/\/\//, ""));
  return target && { ...target, balanced: true };
}

function parseUnix(text: string): Target | undefined {
  const absolute = text.replace(/^\/\/(?=\/)/, "");
  // After two slashes a URI has the name of a host.
  if (absolute === "" || absolute.startsWith("//") || absolute.includes("\0")) return undefined;
  const name = `unix:${absolute}`;
  // The authority that every implementation of gRPC sends to a Unix socket.
  const host = "localhost";
  return { uri: name, name, endpoint: { path: absolute }, host, balanced: false };
}

function parseList(scheme: "ipv4" | "ipv6", text: string): Target | undefined {
  const addresses = text.split(",").map((part) => parseIp(scheme, part));
  const endpoints = addresses.flatMap((address) =>
    address === undefined ? [] : [{ host: address.host, port: address.port ?? DEFAULT_PORT }]
  );
  const [first] = endpoints;
  if (first === undefined || endpoints.length < addresses.length) return undefined;
  const several = endpoints.length > 1;
  const name = `${scheme}:${endpoints.map(formatAddress).join(",")}`;
  return {
    uri: name,
    name,
    endpoint: first,
    host: several ? undefined : first.host,
    balanced: true,
  };
}

function parseIp(scheme: "ipv4" | "ipv6", text: string): Address | undefined {
  const bare = scheme === "ipv6" && !text.startsWith("[") ? `[${text}]` : text;
  const address = parseAddress(bare);
  return address && isIp(address.host) === scheme ? address : undefined;
}

/** Tells IP addresses from names and each other. */
export function isIp(host: string): "ipv4" | "ipv6" | undefined {
  if (host.includes(":")) return "ipv6";
  const parts = host.split(".");
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)
    ? "ipv4"
    : undefined;
}

function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([\da-f:.]+)(%[\w.-]+)?\]|([\w-]+(?:\.[\w-]+)*\.?))(?::(\d{1,5}))?$/i
    .exec(text);
  if (!match) return undefined;
  const [, ipv6, zone = "", name, port] = match;
  // Only the address without its zone (%eth0) is valid in a URL.
  if (ipv6 !== undefined && !URL.canParse(`http://[${ipv6}]`)) return undefined;
  if (name !== undefined && /^\d+$/.test(name)) return undefined;
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65535)) return undefined;
  const host = ipv6 === undefined ? name! : ipv6 + zone;
  return { host, ...(port === undefined ? {} : { port: Number(port) }) };
}

function formatAddress({ host, port }: Required<Address>): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
