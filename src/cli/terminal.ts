/**
 * The width of the terminal now, in columns.
 *
 * @returns undefined if there is no terminal, or its width is unknown
 */
export function terminalColumns(): number | undefined {
  try {
    return Deno.consoleSize().columns || undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether the terminal understands no escape codes, which it says with TERM=dumb.
 *
 * @see https://man7.org/linux/man-pages/man7/term.7.html
 */
export function isDumbTerminal(): boolean {
  return Deno.env.get("TERM") === "dumb";
}

/**
 * Breaks a text that is wider than the terminal into lines: after semicolons, and if a line is still
 * too wide, after commas and colons. If the width is unknown, the text stays one line.
 */
export function fitted(text: string): string {
  const columns = terminalColumns() ?? Infinity;
  if (text.length <= columns) return text;
  return text.split(/(?<=;) /).flatMap((sentence) => lines(sentence, columns)).join("\n");
}

function lines(sentence: string, columns: number): string[] {
  const [first = "", ...others] = sentence.split(/(?<=[,:]) /);
  return others.reduce((all, part) => {
    const longer = `${all.at(-1)} ${part}`;
    return longer.length <= columns ? all.with(-1, longer) : [...all, part];
  }, [first]);
}
