/** Draws the result of a benchmark as an SVG: what a call costs each server, and how that grows. */
import { COMPARED, type Result, SHAPES } from "./benchmark.ts";
import { usersvc } from "./contenders.ts";

/** The picture for a light page, or a dark one. */
export type Theme = "light" | "dark";

/** The colours of text, of lines in the background, and of the background itself. */
const PAPER = {
  light: { ink: "#1f2328", faint: "#59636e", grid: "#d1d9e0", back: "#ffffff" },
  dark: { ink: "#f0f6fc", faint: "#9198a1", grid: "#3d444d", back: "#0d1117" },
};

/** The servers that are drawn, in this order. */
const COLOURS: readonly (readonly [name: string, colours: Record<Theme, string>])[] = [
  [usersvc.name, { light: "#0550ae", dark: "#79c0ff" }],
  ["usersvc, two workers", { light: "#218bff", dark: "#388bfd" }],
  ["grpc-go", { light: "#1a7f37", dark: "#3fb950" }],
  ["grpc-js on Node", { light: "#bc4c00", dark: "#f0883e" }],
  ["Python (grpcio)", { light: "#8250df", dark: "#bc8cff" }],
];

/** All lengths are in pixels of a picture that is as wide as README is on a usual screen. */
const WIDTH = 800, LEFT = 192, RIGHT = 24, ROW = 30;

/** Draws both charts, one below the other. */
export function drawPicture({ servers }: Result, theme: Theme): string {
  const drawn = COLOURS.flatMap(([name, colours]) => {
    const server = servers.find((server) => server.name === name);
    if (!server) return [];
    const medians = server.cpuMicrosPerCall.map(({ median }) => median);
    return [{ name, colour: colours[theme], medians }];
  });
  const { ink, back } = PAPER[theme];
  const below = 64 + drawn.length * ROW;
  const height = below + CHART.bottom + 56;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img"
  font-family="system-ui, -apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif" font-size="15" fill="${ink}">
<title>CPU time of each server for a call</title>
<rect width="${WIDTH}" height="${height}" fill="${back}"/>
${drawBars(drawn, theme)}
<g transform="translate(0 ${below})">
${drawLines(drawn, theme)}
</g>
</svg>
`;
}

interface Drawn {
  readonly name: string;
  readonly colour: string;
  /** CPU time for a call in microseconds, for each load. */
  readonly medians: readonly number[];
}

function text(x: number, y: number, words: string, attributes = ""): string {
  return `<text x="${round(x)}" y="${round(y)}" ${attributes}>${words}</text>`;
}

function heading(y: number, title: string, note: string, theme: Theme): string {
  const faint = `dx="8" font-weight="400" font-size="14" fill="${PAPER[theme].faint}"`;
  return text(24, y, `${title}<tspan ${faint}>${note}</tspan>`, 'font-weight="600" font-size="17"');
}

/** One bar for each server under the load that they are compared with. */
function drawBars(drawn: readonly Drawn[], theme: Theme): string {
  const load = SHAPES.indexOf(COMPARED);
  const scale = (WIDTH - LEFT - RIGHT - 64) / Math.max(...drawn.map((one) => one.medians[load]!));
  const title = `CPU time of the server per call, ${
    COMPARED.connections * COMPARED.streams
  } at once`;
  return [
    heading(32, title, "microseconds, less is better", theme),
    ...drawn.map(({ name, colour, medians }, index) => {
      const middle = 64 + index * ROW, value = medians[load]!;
      const weight = name === usersvc.name ? 'font-weight="600"' : "";
      return [
        text(LEFT - 12, middle + 5, name, `text-anchor="end" ${weight}`),
        `<rect x="${LEFT}" y="${middle - 10}" width="${round(value * scale)}" height="20" rx="2"
  fill="${colour}"/>`,
        text(LEFT + value * scale + 8, middle + 5, formatMicros(value), 'font-weight="600"'),
      ].join("\n");
    }),
  ].join("\n");
}

/** Where the lines are drawn. */
const CHART = { left: 72, right: WIDTH - 200, top: 64, bottom: 300 };

/** The least distance of two names beside the lines. */
const LABEL = 19;

/** One line for each server over the calls at once; both axes are logarithmic. */
function drawLines(drawn: readonly Drawn[], theme: Theme): string {
  const { grid, faint, back } = PAPER[theme];
  const { left, right, top, bottom } = CHART;
  const all = drawn.flatMap(({ medians }) => medians);
  const ticks = ticksAround(Math.min(...all), Math.max(...all));
  const atOnce = SHAPES.map(({ connections, streams }) => connections * streams);
  const x = logarithmic(atOnce[0]!, atOnce.at(-1)!, left, right);
  const y = logarithmic(ticks[0]!, ticks.at(-1)!, bottom, top);
  const labels = spread(drawn.map(({ medians }) => y(medians.at(-1)!)), LABEL);
  return [
    heading(32, "The same with more calls at once", "microseconds, both axes logarithmic", theme),
    ...ticks.map((tick) =>
      [
        `<path d="M${left} ${round(y(tick))}H${right}" stroke="${grid}"/>`,
        text(left - 10, y(tick) + 5, `${tick}`, `text-anchor="end" font-size="14" fill="${faint}"`),
      ].join("\n")
    ),
    ...atOnce.map((calls) =>
      text(x(calls), bottom + 26, `${calls}`, `text-anchor="middle" font-size="14" fill="${faint}"`)
    ),
    text(right + 28, bottom + 26, "calls at once", `font-size="14" fill="${faint}"`),
    ...drawn.map(({ name, colour, medians }, index) => {
      const points = medians.map((value, load) => [round(x(atOnce[load]!)), round(y(value))]);
      const weight = name === usersvc.name ? 'font-weight="600"' : "";
      const end = points.at(-1)!;
      return [
        `<path d="M${points.join("L")}" fill="none" stroke="${colour}" stroke-width="2.5"/>`,
        ...points.map(([x, y]) =>
          `<circle cx="${x}" cy="${y}" r="4.5" fill="${colour}" stroke="${back}" stroke-width="1.5"/>`
        ),
        `<path d="M${end[0]! + 7} ${end[1]}L${right + 24} ${
          round(labels[index]!)
        }" stroke="${colour}" stroke-width="1.5"/>`,
        text(right + 28, labels[index]! + 5, name, weight),
      ].join("\n");
    }).toReversed(),
  ].join("\n");
}

/** The round numbers from the last one below the least value to the first one above the greatest. */
function ticksAround(least: number, greatest: number): number[] {
  const ticks = [1, 10, 100, 1_000, 10_000].flatMap((ten) => [ten, 2 * ten, 5 * ten]);
  const first = ticks.findLastIndex((tick) => tick <= least);
  const last = ticks.findIndex((tick) => tick >= greatest);
  return ticks.slice(Math.max(first, 0), last < 0 ? undefined : last + 1);
}

function logarithmic(from: number, to: number, start: number, end: number) {
  return (value: number) => start + Math.log(value / from) / Math.log(to / from) * (end - start);
}

/**
 * Moves places apart that are closer than a distance, each as little as that takes from the lowest
 * one upwards.
 */
export function spread(places: readonly number[], distance: number): number[] {
  const order = places.map((_, index) => index).toSorted((a, b) => places[b]! - places[a]!);
  const spread = [...places];
  for (const [rank, index] of order.entries()) {
    const below = rank === 0 ? Infinity : spread[order[rank - 1]!]!;
    spread[index] = Math.min(places[index]!, below - distance);
  }
  return spread;
}

function formatMicros(value: number): string {
  return value < 100 ? value.toFixed(1) : value.toFixed(0);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
