const UNSAFE =
  // C0 and C1 controls with DEL, line and paragraph separators, bidirectional overrides and isolates
  // deno-lint-ignore no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

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
  return text.replace(UNSAFE, (character) => {
    const code = character.charCodeAt(0);
    return SHORT[character] ??
      (code < 0x100
        ? `\\x${code.toString(16).padStart(2, "0")}`
        : `\\u${code.toString(16).padStart(4, "0")}`);
  });
}

/**
 * The start of a text of any length, escaped, for one line of a log or an error.
 *
 * @param max how many characters (Unicode code points) to keep before "..." stands for the rest
 */
export function excerpt(text: string, max = 60): string {
  // A code point takes at most two UTF-16 units: a text of megabytes is not split for its start.
  const start = [...text.slice(0, 2 * max + 2)];
  return start.length <= max
    ? escapeControls(text)
    : escapeControls(start.slice(0, max).join("")) + "...";
}
