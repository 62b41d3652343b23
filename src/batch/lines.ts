const NEWLINE = 0x0a;
const BYTE_ORDER_MARK = "\ufeff";

/** What is longer is no name: servers refuse messages of 4 MiB, and a stream may never end one. */
const MAX_LINE_BYTES = 1 << 20;

/**
 * Reads the lines of a stream of UTF-8 in lists, each as soon as its bytes are there. A line ends
 * with LF or CRLF, the last one also with the stream; a byte order mark before the first is left
 * out.
 *
 * @throws {Error} at a line that is too long or not UTF-8, after the lines before it
 */
export async function* readLines(
  stream: AsyncIterable<Uint8Array>,
): AsyncGenerator<string[], void, void> {
  let read = 0;
  let unfinished: Uint8Array = new Uint8Array();

  function* linesOf(bytes: Uint8Array): Generator<string[], void, void> {
    const { lines, valid } = decodeLines(bytes);
    if (read === 0 && lines[0]?.startsWith(BYTE_ORDER_MARK)) lines[0] = lines[0].slice(1);
    read += lines.length;
    if (lines.length > 0) yield lines;
    if (!valid) throw new Error(`line ${read + 1} is not UTF-8; convert it first, as with iconv`);
  }

  for await (const chunk of stream) {
    const first = chunk.indexOf(NEWLINE);
    const length = unfinished.length + (first < 0 ? chunk.length : first);
    if (length > MAX_LINE_BYTES) throw new Error(`line ${read + 1} is longer than 1 MiB`);
    if (first < 0) {
      unfinished = joined(unfinished, chunk);
      continue;
    }
    const last = chunk.lastIndexOf(NEWLINE);
    yield* linesOf(joined(unfinished, chunk.subarray(0, last)));
    unfinished = chunk.slice(last + 1);
  }
  if (unfinished.length > 0) yield* linesOf(unfinished);
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Decodes lines, the last of them without its line break; those before the first that is not valid. */
function decodeLines(bytes: Uint8Array): { readonly lines: string[]; readonly valid: boolean } {
  try {
    // One call into the decoder for thousands of lines.
    const lines = decoder.decode(bytes).split("\n").map(withoutReturn);
    return { lines, valid: true };
  } catch {
    return { lines: validLines(bytes), valid: false };
  }
}

/** The lines before the first that is not valid; there is one. */
function validLines(bytes: Uint8Array): string[] {
  const lines: string[] = [];
  for (let start = 0;;) {
    const end = bytes.indexOf(NEWLINE, start);
    try {
      lines.push(withoutReturn(decoder.decode(bytes.subarray(start, end < 0 ? undefined : end))));
    } catch {
      return lines;
    }
    start = end + 1;
  }
}

function withoutReturn(text: string): string {
  return text.endsWith("\r") ? text.slice(0, -1) : text;
}
