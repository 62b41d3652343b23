/** Text is in UTF-16 where UTF-8 is wanted. */
export class Utf16Error extends Error {
  override name = "Utf16Error";
}

const NEWLINE = 0x0a;

/** As many bytes tell, without a byte order mark: two characters. */
const TELLING = 4;

/**
 * Passes a stream of UTF-8 on, unless it starts as UTF-16 does. Some programs on Windows write that,
 * and taken for UTF-8, most of it would be valid: names that nobody has meant.
 *
 * @throws {Utf16Error} before anything is passed on
 */
export async function* refuseUtf16(
  stream: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  let held: Uint8Array | undefined = new Uint8Array();
  for await (const chunk of stream) {
    if (held === undefined) {
      yield chunk;
      continue;
    }
    const start: Uint8Array = held.length === 0 ? chunk : new Uint8Array([...held, ...chunk]);
    if (isUtf16(start)) throw new Utf16Error("it is UTF-16, save it as UTF-8");
    if (start.length < TELLING && start.some(isOfUtf16)) {
      held = start;
      continue;
    }
    yield start;
    held = undefined;
  }
  if (held !== undefined && held.length > 0) yield held;
}

/** Tells a byte that UTF-8 has not, or hardly ever: without one, nobody has to wait for more. */
function isOfUtf16(byte: number): boolean {
  return byte === 0 || byte >= 0xfe;
}

function isUtf16(start: Uint8Array): boolean {
  const [a, b, c, d] = start;
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) return true;
  // Without a mark: two characters below U+0100, in either order of bytes.
  if (start.length >= TELLING && ((a && !b && c && !d) || (!a && b && !c && d))) return true;
  // Or, in other scripts, a line break of two bytes; of names, none starts with a NUL.
  const end = start.indexOf(NEWLINE);
  return end > 0 && end % 2 === 0 && start[end + 1] === 0;
}
