const UNSAFE_CHARACTERS =
  // C0 and C1 controls with DEL, line and paragraph separators, bidirectional overrides and isolates
  // deno-lint-ignore no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;
// `test` before `replace` is several times faster where there is nothing to replace.
const UNSAFE = new RegExp(UNSAFE_CHARACTERS, "g");

const SHORT: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/**
 * Makes text from a peer safe to show on a terminal or to write as one log line: control
 * characters, line breaks and bidirectional overrides become `\n`, `\r`, `\t`, `\xHH` or `\uHHHH`.
 * Every other character, letters of right-to-left scripts and emoji included, stays.
 *
 * Overrides and isolates are included because they can reorder what a reader sees
 * (CVE-2021-42574); the marks U+200E and U+200F cannot and stay.
 *
 * @example
 * ```ts
 * escapeControls("Al\nice\x1b[2J"); // "Al\\nice\\x1b[2J"
 * ```
 */
export function escapeControls(text: string): string {
  if (!UNSAFE_CHARACTERS.test(text)) return text;
  return text.replace(UNSAFE, (character) => {
    const code = character.charCodeAt(0);
    return SHORT[character] ?? (code < 0x100 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`);
  });
}

/**
 * A value as JSON, a text with its quotes, that is safe to show on a terminal as well: what
 * {@linkcode escapeControls} escapes is escaped here in JSON's form, so that it parses to the same
 * value.
 */
export function jsonString(value: unknown): string {
  const json = JSON.stringify(value);
  if (!UNSAFE_CHARACTERS.test(json)) return json;
  return json.replace(UNSAFE, (character) => `\\u${hex(character.charCodeAt(0), 4)}`);
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0");
}

/**
 * The start of a text of any length.
 *
 * @param max how many characters (Unicode code points) to keep before "..." stands for the rest
 */
export function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  // A code point has at most two UTF-16 units, so that the start is enough, however long the text.
  const start = [...text.slice(0, 2 * max + 2)];
  return start.length <= max ? text : start.slice(0, max).join("") + "...";
}

/**
 * The start of a text of any length, escaped, for one line of a log or an error.
 *
 * @param max how many characters (Unicode code points) to keep before "..." stands for the rest
 */
export function excerpt(text: string, max = 60): string {
  return escapeControls(cut(text, max));
}

/** A word of sh, bash or zsh that stands for exactly this text. */
export function shellWord(text: string): string {
  return /^[\w./:-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
