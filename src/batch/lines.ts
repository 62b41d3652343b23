/** A line of a text, without its end. */
export interface Line {
  /** What it says; with a fault, as much of it as there is. */
  readonly text: string;
  /** Why it is not the whole text of the line. */
  readonly fault?: "too long" | "not valid UTF-8";
}

const NEWLINE = 0x0a;
const EMPTY = new Uint8Array();

/**
 * Reads the lines of a stream of UTF-8 in lists, each as soon as its bytes are there. A line ends
 * with LF or CRLF, the last one also with the stream; a byte order mark before the first is no
 * part of it.
 *
 * @param maxBytes of a line; a longer one is a fault, and no more than that is kept of it
 */
export async function* lines(
  stream: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Line[], void, void> {
  const read = lineReader(maxBytes);
  let rest: Uint8Array = EMPTY;
  for await (const chunk of stream) {
    const end = chunk.lastIndexOf(NEWLINE);
    if (end < 0) {
      // Of a line that is too long already nothing more is kept than that it is.
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

/** Makes a function that splits the bytes of whole lines, without the end of the last. */
function lineReader(maxBytes: number): (bytes: Uint8Array) => Line[] {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
  let atStart = true;

  function withoutMark(bytes: Uint8Array): Uint8Array {
    const mark = atStart && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
    atStart = false;
    return mark ? bytes.subarray(3) : bytes;
  }

  function line(bytes: Uint8Array): Line {
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
        // One of the lines is not valid.
      }
    }
    return pieces(bytes).map(line);
  };
}

function withoutReturn(text: string): string {
  return text.endsWith("\r") ? text.slice(0, -1) : text;
}

function pieces(bytes: Uint8Array): Uint8Array[] {
  const all: Uint8Array[] = [];
  let start = 0;
  for (let end; (end = bytes.indexOf(NEWLINE, start)) >= 0; start = end + 1) {
    all.push(bytes.subarray(start, end));
  }
  all.push(bytes.subarray(start));
  return all;
}
