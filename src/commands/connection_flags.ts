import { type FlagValues, UsageError } from "../cli/command.ts";
import { writeError } from "../cli/output.ts";
import { PATH, PORT } from "../cli/values.ts";
import type { ConnectionOptions } from "../client/connection_options.ts";
import { HEADER, type Header, headerFault, parseHeader, repeatedName } from "../client/metadata.ts";
import { parseTarget, TARGET, type Target, withPort } from "../client/target.ts";
import type { ClientTls } from "../client/tls_options.ts";
import { DEFAULT_PORT } from "../contract/endpoint.ts";
import { cut, escapeControls } from "../text/escape.ts";
import { tooFewDescriptors } from "../workarounds/descriptors_run_out.ts";
import { procMissing } from "../workarounds/missing_proc.ts";
import { certAndKey } from "./tls_flags.ts";
import { DURATION, KEEPALIVE, RETRIES } from "./value_ranges.ts";

const file = { value: "FILE", ...PATH } as const;

/** The flags of every command that reaches a server; each adds `--timeout` with its own default. */
export const connectionFlags = {
  address: {
    group: "Server",
    value: "TARGET",
    help: "The server: HOST:PORT, dns:///NAME:PORT, unix:PATH, ...",
    expects: TARGET,
    parse: parseTarget,
    fault: targetFault,
    default: `localhost:${DEFAULT_PORT}`,
    env: "USERSVC_ADDRESS",
  },
  port: {
    group: "Server",
    value: "PORT",
    help: "The server's port, in place of that in --address",
    ...PORT,
  },
  wait: { group: "Server", help: "Wait until the server is up, as long as --timeout" },
  retries: {
    group: "Server",
    value: "N",
    help: "How often to retry a call that fails UNAVAILABLE",
    ...RETRIES,
    default: "0",
  },
  keepalive: {
    group: "Server",
    value: "DURATION",
    help: "Ping a server that is silent this long during a call",
    ...KEEPALIVE,
    defaultNote: "never",
  },
  header: {
    group: "Server",
    value: "'NAME: VALUE'",
    short: "H",
    repeats: true,
    help: "Send metadata with each call; can be given repeatedly",
    expects: HEADER,
    parse: parseHeader,
    fault: headerFault,
  },
  tls: { group: "TLS", help: "Use TLS, and verify the server", env: "USERSVC_TLS" },
  "tls-ca": {
    group: "TLS",
    ...file,
    help: "Trust only the authorities in this file (PEM)",
    defaultNote: "the system's",
    env: "USERSVC_TLS_CA",
  },
  "tls-cert": {
    group: "TLS",
    ...file,
    help: "Send this client certificate (PEM)",
    env: "USERSVC_TLS_CERT",
  },
  "tls-key": {
    group: "TLS",
    ...file,
    help: "The private key of the client certificate (PEM)",
    env: "USERSVC_TLS_KEY",
  },
  "tls-server-name": {
    group: "TLS",
    value: "HOSTNAME",
    help: "Expect this name in the certificate, not the host",
    expects: "a host name or an IP address",
    parse: parseServerName,
    env: "USERSVC_TLS_SERVER_NAME",
  },
  "tls-insecure": {
    group: "TLS",
    help: "Do not verify the server: anyone could be answering",
    env: "USERSVC_TLS_INSECURE",
  },
  verbose: {
    group: "Output",
    short: "v",
    help: "Show metadata, the peer and times on stderr",
    further: ["Show each frame of HTTP/2 too, both ways", "Show credentials and cookies in them"],
  },
} as const;

/** The flag of the deadline, without its default. */
export const timeoutFlag = {
  value: "DURATION",
  help: "How long one call may take, retries included: 2s, 1m",
  ...DURATION,
  env: "USERSVC_TIMEOUT",
} as const;

/** With fewer file descriptors, Deno panics when it loads modules, looks a name up or connects. */
const DESCRIPTORS = 8;

/** Why no connection can be made on this machine; undefined if nothing is in the way. */
export function connectingObstacle(): string | undefined {
  return procMissing() ?? tooFewDescriptors(DESCRIPTORS, "connect");
}

type ConnectionValues = FlagValues<typeof connectionFlags>;

/**
 * Makes a connection of the flags. Warns on stderr where the server is not verified.
 *
 * @throws {UsageError} if they do not go together
 */
export function connectionOf(flags: ConnectionValues): ConnectionOptions {
  const target = targetOf(flags.address, flags.port);
  const tls = tlsOf(flags);
  const headers = headersOf(flags.header);
  if (tls && !tls.insecure && tls.serverName === undefined && target.host === undefined) {
    throw new UsageError("--tls needs --tls-server-name where there are several addresses");
  }
  if (tls?.insecure) {
    const name = escapeControls(target.name);
    writeError(`usersvc: warning: --tls-insecure: whoever answers at ${name} is not verified`);
  }
  const write = (line: string) => writeError(escapeControls(line));
  return {
    target,
    ...(tls === undefined ? {} : { tls }),
    wait: flags.wait,
    retries: flags.retries,
    ...(flags.keepalive === undefined ? {} : { keepaliveMs: flags.keepalive }),
    headers,
    log: write,
    ...(flags.verbose > 0 ? { trace: write } : {}),
    ...(flags.verbose > 1 ? { wire: { print: writeError, secrets: flags.verbose > 2 } } : {}),
  };
}

function targetOf(address: Target, port: number | undefined): Target {
  const target = port === undefined ? address : withPort(address, port);
  if (target === undefined) {
    throw new UsageError(`--port cannot be combined with ${escapeControls(address.name)}`);
  }
  if ("path" in target.endpoint && Deno.build.os === "windows") {
    throw new UsageError("unix: does not work on Windows");
  }
  return target;
}

function headersOf(headers: readonly Header[] = []): readonly Header[] {
  const repeated = repeatedName(headers);
  if (repeated === undefined) return headers;
  throw new UsageError(
    `--header "${repeated}: ..." can be given once: servers take one value of it`,
  );
}

function tlsOf(flags: ConnectionValues): ClientTls | undefined {
  const given = (["tls-ca", "tls-cert", "tls-key", "tls-server-name"] as const)
    .filter((name) => flags[name] !== undefined);
  if (!flags.tls) {
    const [name] = [...given, ...(flags["tls-insecure"] ? ["tls-insecure"] : [])];
    if (name === undefined) return undefined;
    throw new UsageError(`--${name} (or ${connectionFlags[name as "tls-ca"].env}) needs --tls`);
  }
  const { "tls-ca": ca, "tls-cert": cert, "tls-key": key, "tls-server-name": serverName } = flags;
  const insecure = flags["tls-insecure"];
  if (insecure && ca !== undefined) {
    throw new UsageError(
      "--tls-insecure cannot be combined with --tls-ca, which is there to verify",
    );
  }
  const identity = certAndKey(cert, key);
  return {
    insecure,
    ...(ca === undefined ? {} : { ca }),
    ...(identity === undefined ? {} : { identity }),
    ...(serverName === undefined ? {} : { serverName }),
  };
}

function parseServerName(text: string): string | undefined {
  const target = parseTarget(text.includes(":") ? `[${text}]` : text);
  return target?.host === text ? text : undefined;
}

/** What is wrong with a URL of the web, which is no target; undefined if the text is none. */
function targetFault(text: string): string | undefined {
  return /^[a-z][a-z\d+.-]*:\/\//i.test(text) && !/^(dns|unix|xds):/.test(text)
    ? `"${cut(text, 60)}" is a URL: write HOST:PORT alone, and --tls in place of https://`
    : undefined;
}
