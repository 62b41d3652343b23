/** A stream that takes bytes, such as `Deno.stdout`. */
export interface Output {
  write(bytes: Uint8Array): Promise<number>;
}

/**
 * Writes text and returns when the system has taken all of it. A reader that has gone
 * (`usersvc proto | head -1`) wants nothing more: that is not an error, and the rest is dropped.
 *
 * @throws {Error} if the stream cannot be written for another reason, such as a full disk
 */
export async function writeAll(output: Output, text: string): Promise<void> {
  let rest: Uint8Array = new TextEncoder().encode(text);
  try {
    while (rest.length > 0) rest = rest.subarray(await output.write(rest));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/** Writes one line to stderr. Where even that is closed, nobody can be told. */
export function writeError(line: string): void {
  try {
    Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
  } catch {
    // Nothing is left to say it with.
  }
}
