/** Writes the result of a benchmark as Markdown. */
import { type Result, SHAPES, type Summary } from "./benchmark.ts";

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
export function formatResult(result: Result): string {
  const { machine, sizes, processes, skipped } = result;
  const calls = formatNumber(sizes.calls * (1 + SHAPES.length));
  return [
    `${machine}.\n`,
    `Rounds: ${sizes.rounds}, each of ${
      formatNumber(sizes.calls)
    } calls of each load after as many ` +
    "to warm up. Each cell has the least and the median.\n",
    table([
      ["CPU of the server per call, µs", ...SHAPES.map(formatShape), `MB after ${calls} calls`],
      ...result.servers.map(({ name, cpuMicrosPerCall, memoryMb }) => [
        name,
        ...[...cpuMicrosPerCall, memoryMb].map(formatSummary),
      ]),
      ["**target of usersvc: at most**", ...targets(result)],
    ]),
    table([
      ["Whole process", "wall time, ms"],
      ...processes.map(({ name, ms }) => [name, formatSummary(ms)]),
    ]),
    ...skipped.map(({ name, why }) => `Skipped: ${name}: ${why}\n`),
  ].join("\n");
}

/** What grpc-go takes, or a quarter of what grpc-js on Node does if that is less. */
function targets({ servers }: Result): string[] {
  const medians = (of: string) =>
    servers.find(({ name }) => name === of)?.cpuMicrosPerCall.map(({ median }) => median);
  const go = medians("grpc-go"), node = medians("grpc-js on Node");
  const cells = SHAPES.map((_, load) =>
    Math.min(go?.[load] ?? Infinity, (node?.[load] ?? Infinity) / 4)
  );
  return [...cells, MEMORY_TARGET].map((cell) => cell === Infinity ? "" : formatNumber(cell));
}

function formatShape({ connections, streams }: typeof SHAPES[number]): string {
  return `${connections * streams} at once (${connections} × ${streams})`;
}

/** Writes the least and the median of measurements: `60.4 / 61.2`. */
export function formatSummary({ min, median }: Summary): string {
  return `${formatNumber(min)} / ${formatNumber(median)}`;
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
