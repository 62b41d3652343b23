/** Loads a server with calls of GetUser, by h2load, which needs little CPU time itself. */
import { loadContract, serviceName } from "../../src/contract/contract.ts";
import { systemPeer } from "../peers/install.ts";
import { run } from "../programs.ts";
import { home } from "./contenders.ts";

const h2load = systemPeer("h2load", ["nghttp2-client"]);

/** The shape of a load: connections, and the calls at once on each. */
export interface Shape {
  readonly connections: number;
  readonly streams: number;
}

/**
 * Makes so many calls to a server on this machine.
 *
 * @throws {Error} unless each is answered in full
 */
export type MakeLoad = (port: number, shape: Shape, calls: number) => Promise<void>;

/** The bytes before a message: whether it is compressed, and its length. */
const PREFIX_BYTES = 5;

/**
 * Finds h2load, or installs it.
 *
 * @returns what makes a load, and the version of h2load
 * @throws {Error} if it can be neither found nor installed; the message says what to do
 */
export async function prepareLoad(): Promise<{ makeLoad: MakeLoad; version: string }> {
  const path = await h2load();
  const { GetUser } = (await loadContract()).UserService.service;
  const answer = GetUser.responseSerialize({ message: "Привет, Alice!" });
  const body = `${home}request`;
  await Deno.writeFile(body, withPrefix(GetUser.requestSerialize({ username: "Alice" })));
  const makeLoad: MakeLoad = async (port, { connections, streams }, calls) => {
    const { stdout, stderr } = await run([path], [
      ...["-c", `${connections}`, "-m", `${streams}`, "-n", `${calls}`],
      "--connection-inactivity-timeout=30s",
      ...["-d", body, "-H", "content-type: application/grpc", "-H", "te: trailers"],
      `http://127.0.0.1:${port}/${serviceName}/GetUser`,
    ]);
    const expected = calls * (PREFIX_BYTES + answer.length);
    // An error of gRPC has HTTP status 200 as well, but no message.
    if (dataBytes(stdout) === expected) return;
    throw new Error(
      `not each of ${calls} calls was greeted, in ${expected} bytes: ${stdout}${stderr}`,
    );
  };
  const { stdout } = await run([path], ["--version"]);
  return { makeLoad, version: stdout.trim().replace("nghttp2/", "") };
}

function withPrefix(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(PREFIX_BYTES + message.length);
  new DataView(framed.buffer).setUint32(1, message.length);
  framed.set(message, PREFIX_BYTES);
  return framed;
}

/**
 * Reads how many bytes all answers had without their headers in what h2load prints at its end.
 *
 * @returns undefined if it does not say so
 */
export function dataBytes(report: string): number | undefined {
  const bytes = /^traffic: .* \((\d+)\) data$/m.exec(report)?.[1];
  return bytes === undefined ? undefined : Number(bytes);
}
