/** What to do about a server that cannot listen; loaded only then. */
import type { ListenError } from "../contract/endpoint.ts";

/** What to do about an error of a TCP port, by its code. */
const TCP_ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE: "; stop the program that uses it, choose another with --port, or take a free one " +
    "with --port 0",
  EACCES: "; choose a port from 1024 up with --port",
  ENOTFOUND: "; give --host an address of this machine, such as 127.0.0.1 or ::",
  EAI_AGAIN: "; give --host an address of this machine, such as 127.0.0.1 or ::",
  EADDRNOTAVAIL: "; give --host one that is, such as 127.0.0.1 or ::",
  EINVAL: "; give --host one that is, such as 127.0.0.1 or ::",
};

/** What to do about an error of a Unix socket, by its code. */
const UNIX_ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE: "; stop it or choose another path with --unix",
  EACCES: "; choose a path in a folder that you may write to",
  EPERM: "; choose a path in a folder that you may write to",
  ENOENT: "; make it or choose another path with --unix",
  EEXIST: "; choose another path with --unix",
  ENAMETOOLONG: "; choose a shorter one with --unix",
};

/** What to do about it with the flags of `serve`, to follow the message of the error; may be empty. */
export function listenAdvice({ purpose, endpoint, code }: ListenError): string {
  if (purpose === "serve metrics") {
    return code === "EADDRINUSE"
      ? "; choose another with --metrics-port, or take a free one with --metrics-port 0"
      : "; see --metrics-host and --metrics-port";
  }
  if ("path" in endpoint) return UNIX_ADVICE[code] ?? "";
  // The zone of an address, such as fe80::1%eth0, is refused with this code.
  if (code === "EPERM" && endpoint.host.includes("%")) {
    return ": leave it out, or give --host another address";
  }
  return TCP_ADVICE[code] ?? "";
}
