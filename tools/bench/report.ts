/** Writes the result of a benchmark: as Markdown, and as a picture of what a call costs each server. */
import { usersvc } from "./contenders.ts";
import { COMPARED, type Result, SHAPES } from "./measure.ts";

/** Megabytes that a server may hold after all calls. */
const MEMORY_TARGET = 150;

const BEGIN = "<!-- figures of the bench -->\n", END = "<!-- end -->\n";

/**
 * Puts a result into a page, between `<!-- figures of the bench -->` and `<!-- end -->`.
 *
 * @throws {Error} if the page has no such lines
 */
export function withFigures(page: string, result: Result): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END, begin);
  if (begin < 0 || end < 0) throw new Error(`the page has no ${BEGIN.trim()} or ${END.trim()}`);
  return `${page.slice(0, begin + BEGIN.length)}\n${formatResult(result)}\n${page.slice(end)}`;
}

/** Writes all of a result as Markdown, with a line break at its end. */
export function formatResult({ machine, sizes, servers, processes, skipped }: Result): string {
  const total = formatNumber(sizes.calls * (1 + SHAPES.length));
  const loads = SHAPES.map(({ connections, streams }) =>
    `${connections * streams} at once (${connections} × ${streams})`
  );
  return [
    `${machine}.\n`,
    `Rounds: ${sizes.rounds}, each of ${formatNumber(sizes.calls)} calls of each load after as ` +
    "many to warm up. Each cell has the least and the median.\n",
    table([
      ["CPU of the server per call, µs", ...loads, `MB after ${total} calls`],
      ...servers.map(({ name, cpuMicros, memoryMb }) => [
        name,
        ...[...cpuMicros, memoryMb].map(formatSamples),
      ]),
      ["**target of usersvc: at most**", ...targets(servers)],
    ]),
    table([
      ["Whole process", "wall time, ms"],
      ...processes.map(({ name, ms }) => [name, formatSamples(ms)]),
    ]),
    ...skipped.map(({ name, why }) => `Skipped: ${name}: ${why}\n`),
  ].join("\n");
}

/** What grpc-go takes, or a quarter of what grpc-js on Node does if that is less. */
function targets(servers: Result["servers"]): string[] {
  const cost = (of: string, load: number) => {
    const server = servers.find(({ name }) => name === of);
    return server === undefined ? Infinity : median(server.cpuMicros[load]!);
  };
  const cells = SHAPES.map((_, load) =>
    Math.min(cost("grpc-go", load), cost("grpc-js on Node", load) / 4)
  );
  return [...cells, MEMORY_TARGET].map((cell) => cell === Infinity ? "" : formatNumber(cell));
}

/** The median; of an even number of values, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
}

/** Writes the least and the median of measurements: `60.4 / 61.2`. */
export function formatSamples(values: readonly number[]): string {
  return `${formatNumber(Math.min(...values))} / ${formatNumber(median(values))}`;
}

const format = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

function formatNumber(value: number): string {
  return format.format(value);
}

/** A table whose columns but the first one are aligned to the right. */
function table([heads = [], ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |\n`;
  return [line(heads), line(heads.map((_, i) => i ? "--:" : "---")), ...rows.map(line)].join("");
}

/** The colours of a page: of text, of notes, and of the background. */
const PAPER = {
  light: { ink: "#1f2328", faint: "#59636e", back: "#ffffff" },
  dark: { ink: "#f0f6fc", faint: "#9198a1", back: "#0d1117" },
};

/** The servers that are drawn, in this order. */
const COLOURS: Readonly<Record<string, Readonly<Record<keyof typeof PAPER, string>>>> = {
  [usersvc.name]: { light: "#0550ae", dark: "#79c0ff" },
  "usersvc, two workers": { light: "#218bff", dark: "#388bfd" },
  "grpc-go": { light: "#1a7f37", dark: "#3fb950" },
  "grpc-js on Node": { light: "#bc4c00", dark: "#f0883e" },
  "Python (grpcio)": { light: "#8250df", dark: "#bc8cff" },
};

/** Lengths in pixels of a picture that is as wide as README is on a usual screen. */
const WIDTH = 800, LEFT = 192, TOP = 64, ROW = 30;

/** The width of the longest bar: what the names and the figure behind it leave. */
const LONGEST = WIDTH - LEFT - 88;

/** Draws a bar for each server: what a call costs it under the load that they are compared with. */
export function drawPicture({ servers }: Result, theme: keyof typeof PAPER): string {
  const { ink, faint, back } = PAPER[theme];
  const load = SHAPES.indexOf(COMPARED);
  const drawn = Object.entries(COLOURS).flatMap(([name, colours]) => {
    const server = servers.find((server) => server.name === name);
    return server ? [{ name, colour: colours[theme], value: median(server.cpuMicros[load]!) }] : [];
  });
  const scale = LONGEST / Math.max(...drawn.map(({ value }) => value));
  const height = TOP + drawn.length * ROW;
  const bars = drawn.map(({ name, colour, value }, row) => {
    const middle = TOP + row * ROW, width = Math.round(value * scale * 10) / 10;
    const weight = name === usersvc.name ? ' font-weight="600"' : "";
    return `<text x="${LEFT - 12}" y="${middle + 5}" text-anchor="end"${weight}>${name}</text>
<rect x="${LEFT}" y="${middle - 10}" width="${width}" height="20" rx="2" fill="${colour}"/>
<text x="${LEFT + width + 8}" y="${middle + 5}" font-weight="600">${formatNumber(value)}</text>`;
  });
  const title = `CPU time of the server per call, ${
    COMPARED.connections * COMPARED.streams
  } at once`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img"
  font-family="system-ui, -apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif" font-size="15" fill="${ink}">
<title>CPU time of each server for a call</title>
<rect width="${WIDTH}" height="${height}" fill="${back}"/>
<text x="24" y="32" font-weight="600" font-size="17">${title}<tspan dx="8" font-weight="400" font-size="14" fill="${faint}">microseconds, less is better</tspan></text>
${bars.join("\n")}
</svg>
`;
}
