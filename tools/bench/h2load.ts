/** Loads a server with calls of GetUser, by h2load, which needs little CPU time itself. */
import { loadContract, serviceName } from "../../src/contract/contract.ts";
import { debianLibraries, debianPeer, installOnce, isOnPath } from "../peers/install.ts";
import { type RunningServer, runTimed } from "./program.ts";

const fromDebian = installOnce(debianPeer(
  "h2load",
  ["nghttp2-client"],
  "usr/bin/h2load",
  "h2load makes the load; install it (the package nghttp2-client or nghttp2)",
));

/** The shape of a load: connections, and the calls at once on each. */
export interface Shape {
  readonly connections: number;
  readonly streams: number;
}

/**
 * Makes so many calls to a server.
 *
 * @throws {Error} unless each is answered in full; the message names the server
 */
export type MakeLoad = (server: RunningServer, shape: Shape, calls: number) => Promise<void>;

const NAME = "Alice";

/** The bytes before a message: whether it is compressed, and its length. */
const PREFIX_BYTES = 5;

/**
 * Finds h2load, or installs it.
 *
 * @param scratch a folder for its files
 * @returns what makes a load, and the version of h2load
 * @throws {Error} if it can be neither found nor installed; the message says what to do
 */
export async function prepareLoad(
  scratch: string,
): Promise<{ makeLoad: MakeLoad; version: string }> {
  const path = await isOnPath("h2load") ? "h2load" : await fromDebian();
  const env = path === "h2load" ? {} : { LD_LIBRARY_PATH: debianLibraries("h2load") };
  const { GetUser } = (await loadContract()).UserService.service;
  const answer = GetUser.responseSerialize({ message: `Привет, ${NAME}!` });
  const body = `${scratch}/request`;
  await Deno.writeFile(body, withPrefix(GetUser.requestSerialize({ username: NAME })));
  const makeLoad: MakeLoad = async ({ name, port }, { connections, streams }, calls) => {
    const args = [
      ...["-c", `${connections}`, "-m", `${streams}`, "-n", `${calls}`],
      "--connection-inactivity-timeout=30s",
      ...["-d", body, "-H", "content-type: application/grpc", "-H", "te: trailers"],
      `http://127.0.0.1:${port}/${serviceName}/GetUser`,
    ];
    const { succeeded, dataBytes } = parseReport((await runTimed({ path, args, env })).stdout);
    const expected = calls * (PREFIX_BYTES + answer.length);
    // An error of gRPC has HTTP status 200 as well, but no message.
    if (dataBytes !== expected) {
      const missing = `${succeeded} answers, ${dataBytes} bytes instead of ${expected}`;
      throw new Error(`${name} has not greeted each of ${calls} calls: ${missing}`);
    }
  };
  const { stdout } = await runTimed({ path, args: ["--version"], env });
  return { makeLoad, version: stdout.trim().replace("nghttp2/", "") };
}

function withPrefix(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(PREFIX_BYTES + message.length);
  new DataView(framed.buffer).setUint32(1, message.length);
  framed.set(message, PREFIX_BYTES);
  return framed;
}

/**
 * Reads the summary that h2load prints at its end.
 *
 * @returns how many calls were answered with HTTP status 2xx, and the bytes of all answers without
 * their headers
 * @throws {Error} if a figure is not in it
 */
export function parseReport(text: string): { succeeded: number; dataBytes: number } {
  const figure = (pattern: RegExp): number => {
    const found = pattern.exec(text)?.[1];
    if (found === undefined) throw new Error(`h2load: no ${pattern} in:\n${text}`);
    return Number(found);
  };
  return {
    succeeded: figure(/^requests: .* (\d+) succeeded,/m),
    dataBytes: figure(/^traffic: .* \((\d+)\) data$/m),
  };
}
