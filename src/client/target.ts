import {
  DEFAULT_PORT,
  type Endpoint,
  formatEndpoint,
  type TcpEndpoint,
} from "../contract/endpoint.ts";

/** The server, or the several alike, that a channel connects to. */
export interface Target {
  /** As grpc-js reads it: `dns:localhost:50051`. */
  readonly uri: string;
  /** As messages write it: `localhost:50051`, `unix:/run/usersvc.sock`. */
  readonly name: string;
  /** Where it is, or the first of several. */
  readonly endpoint: Endpoint;
  /**
   * The host that a TLS certificate has to name: a DNS name or an IP address. Undefined for a list
   * of several addresses, which have no name in common.
   */
  readonly host: string | undefined;
  /** Calls go to all addresses in turn, not to the first that answers. */
  readonly balanced: boolean;
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
 * @returns undefined if the text is none of them. A number alone is not a host: systems would read 50051
 * as the IPv4 address 0.0.195.131.
 * @see https://github.com/grpc/grpc/blob/master/doc/naming.md
 */
export function parseTarget(text: string): Target | undefined {
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
    text.slice(0, -formatEndpoint(endpoint).length) + formatEndpoint(moved);
  return { ...target, uri: replace(uri), name: replace(name), endpoint: moved };
}

function parseHost(text: string): Target | undefined {
  const endpoint = parseAddress(text);
  if (endpoint === undefined) return undefined;
  const name = formatEndpoint(endpoint);
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
  const parts = text.split(",");
  const endpoints = parts.flatMap((part) => parseIp(scheme, part) ?? []);
  const [first, ...others] = endpoints;
  if (first === undefined || endpoints.length < parts.length) return undefined;
  const name = `${scheme}:${endpoints.map(formatEndpoint).join(",")}`;
  const host = others.length === 0 ? first.host : undefined;
  return { uri: name, name, endpoint: first, host, balanced: true };
}

function parseIp(scheme: "ipv4" | "ipv6", text: string): TcpEndpoint | undefined {
  const endpoint = parseAddress(scheme === "ipv6" && !text.startsWith("[") ? `[${text}]` : text);
  return endpoint && isIp(endpoint.host) === scheme ? endpoint : undefined;
}

/** Tells IP addresses from names and each other. To load node:net for that would slow down `--help`. */
export function isIp(host: string): "ipv4" | "ipv6" | undefined {
  if (host.includes(":")) return "ipv6";
  const parts = host.split(".");
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)
    ? "ipv4"
    : undefined;
}

/** A host name or an IP address, IPv6 in brackets, and a port or not. */
function parseAddress(text: string): TcpEndpoint | undefined {
  const match = /^(?:\[([\da-f:.]+)(%[\w.-]+)?\]|([\w-]+(?:\.[\w-]+)*\.?))(?::(\d{1,5}))?$/i
    .exec(text);
  if (!match) return undefined;
  const [, ipv6, zone = "", name, port = DEFAULT_PORT] = match;
  // Only the address without its zone (%eth0) is valid in a URL.
  if (ipv6 !== undefined && !URL.canParse(`http://[${ipv6}]`)) return undefined;
  if (name !== undefined && /^\d+$/.test(name)) return undefined;
  if (Number(port) < 1 || Number(port) > 65535) return undefined;
  return { host: ipv6 === undefined ? name! : ipv6 + zone, port: Number(port) };
}
