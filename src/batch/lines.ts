/** A line of a text, without the line break. */
export interface Line {
  /** The text; with a fault, the part that could be read. */
  readonly text: string;
  /** Why that is not the whole line. */
  readonly fault?: "too long" | "not valid UTF-8";
}

const NEWLINE = 0x0a;
const EMPTY = new Uint8Array();

/**
 * Reads the lines of a stream of UTF-8 in lists, each as soon as its bytes are there. A line ends
 * with LF or CRLF, the last one also with the stream; a byte order mark before the first is left
 * out.
 *
 * @param maxBytes of a line; a longer one is a fault, and only that many bytes are decoded
 * @throws {Error} if the stream starts as UTF-16 does
 */
export async function* readLines(
  stream: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Line[], void, void> {
  const read = lineSplitter(maxBytes);
  let rest: Uint8Array = EMPTY;
  for await (const chunk of refuseUtf16(stream)) {
    const end = chunk.lastIndexOf(NEWLINE);
    if (end < 0) {
      // The rest of a line that is already too long is dropped: the stream may never end it.
      if (rest.length <= maxBytes) rest = joined(rest, chunk);
      continue;
    }
    const first = rest.length > maxBytes ? chunk.indexOf(NEWLINE) : 0;
    yield read(joined(rest, chunk.subarray(first, end)));
    rest = chunk.slice(end + 1);
  }
  if (rest.length > 0) yield read(rest);
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** Makes a function that splits the bytes of whole lines; the last comes without its line break. */
function lineSplitter(maxBytes: number): (bytes: Uint8Array) => Line[] {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
  let atStart = true;

  function withoutMark(bytes: Uint8Array): Uint8Array {
    const mark = atStart && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
    atStart = false;
    return mark ? bytes.subarray(3) : bytes;
  }

  function decodeLine(bytes: Uint8Array): Line {
    if (bytes.length > maxBytes) {
      return { text: lenient.decode(bytes.subarray(0, maxBytes)), fault: "too long" };
    }
    try {
      return { text: withoutReturn(strict.decode(bytes)) };
    } catch {
      return { text: withoutReturn(lenient.decode(bytes)), fault: "not valid UTF-8" };
    }
  }

  return (all) => {
    const bytes = withoutMark(all);
    if (bytes.length <= maxBytes) {
      try {
        // One call into the decoder for thousands of lines.
        return strict.decode(bytes).split("\n").map((text) => ({ text: withoutReturn(text) }));
      } catch {
        // One of the lines is not valid: each is decoded on its own below.
      }
    }
    return splitBytes(bytes).map(decodeLine);
  };
}

function withoutReturn(text: string): string {
  return text.endsWith("\r") ? text.slice(0, -1) : text;
}

function splitBytes(bytes: Uint8Array): Uint8Array[] {
  const all: Uint8Array[] = [];
  let start = 0;
  for (let end; (end = bytes.indexOf(NEWLINE, start)) >= 0; start = end + 1) {
    all.push(bytes.subarray(start, end));
  }
  all.push(bytes.subarray(start));
  return all;
}

/** How many bytes show whether text without a byte order mark is UTF-16: two characters. */
const UTF16_START_BYTES = 4;

/**
 * Passes a stream of UTF-8 on, unless it starts as UTF-16 does. Some programs on Windows write UTF-16,
 * and most of it is valid UTF-8 too: wrong names would be sent.
 *
 * @throws {Error} before anything is passed on
 */
async function* refuseUtf16(
  stream: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  let pending: Uint8Array | undefined = new Uint8Array();
  for await (const chunk of stream) {
    if (pending === undefined) {
      yield chunk;
      continue;
    }
    const start: Uint8Array = pending.length === 0 ? chunk : new Uint8Array([...pending, ...chunk]);
    if (isUtf16(start)) throw new Error("it is UTF-16, save it as UTF-8");
    if (start.length < UTF16_START_BYTES && start.some(hintsAtUtf16)) {
      pending = start;
      continue;
    }
    yield start;
    pending = undefined;
  }
  if (pending !== undefined && pending.length > 0) yield pending;
}

/** Whether a byte is rare or impossible in UTF-8: without one, the text is not held for more bytes. */
function hintsAtUtf16(byte: number): boolean {
  return byte === 0 || byte >= 0xfe;
}

function isUtf16(start: Uint8Array): boolean {
  const [a, b, c, d] = start;
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) return true;
  // Without a mark: two characters below U+0100, in either order of bytes.
  if (start.length >= UTF16_START_BYTES && ((a && !b && c && !d) || (!a && b && !c && d))) {
    return true;
  }
  // In other scripts, a line break of two bytes; no name starts with a NUL.
  const end = start.indexOf(NEWLINE);
  return end > 0 && end % 2 === 0 && start[end + 1] === 0;
}
