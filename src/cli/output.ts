import { ExpectedError } from "../text/errors.ts";

/** A stream that takes bytes, such as `Deno.stdout`. */
export interface Output {
  write(bytes: Uint8Array): Promise<number>;
}

/** Output cannot be written, for another reason than a reader that has gone. */
export class OutputError extends ExpectedError {
  override name = "OutputError";
}

/** How long to wait before asking again whether a full pipe takes more, in milliseconds. */
const RETRY_MS = 5;

/**
 * Writes text and returns when the system has taken all of it. A reader that has gone
 * (`program | head -1`) wants nothing more: that is not an error, and the rest is dropped.
 *
 * @returns false if the reader has gone
 * @throws {OutputError} if the stream cannot be written for another reason, such as a full disk
 */
export async function writeAll(output: Output, text: string | Uint8Array): Promise<boolean> {
  let rest: Uint8Array = typeof text === "string" ? new TextEncoder().encode(text) : text;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(await output.write(rest));
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) return false;
      if (!(error instanceof Deno.errors.WouldBlock)) {
        throw new OutputError(`cannot write the output: ${(error as Error).message}`);
      }
      // A parent process made the pipe non-blocking; Deno does not tell when it can be written again.
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
  return true;
}

/**
 * Writes text to stderr as {@linkcode writeAll} does. Errors are ignored: a full disk under stderr must
 * not keep results from stdout.
 */
export async function say(text: string): Promise<void> {
  try {
    await writeAll(Deno.stderr, text);
  } catch {
    // There is no other stream that could report it.
  }
}

/** Writes text to stderr before it returns. Errors are ignored, as in {@linkcode say}. */
export function sayNow(text: string): void {
  try {
    Deno.stderr.writeSync(new TextEncoder().encode(text));
  } catch {
    // There is no other stream that could report it.
  }
}

/** Writes one line to stderr, as {@linkcode sayNow} does. */
export function writeError(line: string): void {
  sayNow(`${line}\n`);
}
