/** curl, which speaks HTTP/1.1 and HTTP/2. */
import { Buffer } from "node:buffer";
import { systemPeer } from "../../tools/peers/install.ts";

const installed = systemPeer("curl", ["curl"]);

/** How long a request may take, in seconds. */
const LIMIT_SECONDS = "20";

/** How a request ended. */
interface Curled {
  /** curl's exit code: 0 for any answer, whatever its status. */
  readonly code: number;
  /** The HTTP status and version, such as `200 2`; what curl says of a failure. */
  readonly stderr: string;
  readonly body: Buffer;
}

/**
 * Runs curl.
 *
 * @param body what `--data-binary @-` sends
 * @throws {Error} if it can be neither found nor installed; the message says what to do
 */
export async function curl(args: readonly string[], body = new Uint8Array()): Promise<Curled> {
  const child = new Deno.Command(await installed(), {
    args: ["-sS", "-m", LIMIT_SECONDS, "-w", "%{stderr}%{http_code} %{http_version}", ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = child.output();
  const stdin = child.stdin.getWriter();
  // A request that is refused early is not read to its end.
  await stdin.write(body).then(() => stdin.close()).catch(() => {});
  const { code, stdout, stderr } = await output;
  return { code, stderr: new TextDecoder().decode(stderr), body: Buffer.from(stdout) };
}
