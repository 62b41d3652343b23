/** Shows the result of a benchmark to people. */
import type { Result } from "./result.ts";
import { COMPARED } from "./load.ts";
import type { Summary } from "./statistics.ts";

/** Writes all of a result as text, with a line break at its end. */
export function formatResult(result: Result): string {
  const { sizes, startUp, manyCalls, skipped } = result;
  const { connections, streams } = COMPARED;
  const sections = [
    machineLines(result),
    `Servers: ${sizes.calls} calls, ${
      connections * streams
    } at once (${connections} connections × ` +
    `${streams}), after ${sizes.warmUpCalls} to warm up; ${runs(sizes.rounds)}\n` +
    serverTable(result),
    `usersvc, one process, as the load grows; ${runs(sizes.rounds)}\n${loadTable(result)}`,
    `Start-up, from the start of a process to its end; ${runs(sizes.rounds * sizes.processes)}\n` +
    startUpTable(startUp),
    `Clients, the whole process of ${sizes.manyCalls} calls; ${runs(sizes.rounds)}\n` +
    batchTable(manyCalls),
    skipped.map(({ name, why }) => `skipped: ${name}: ${why}`).join("\n"),
  ];
  return sections.filter((section) => section !== "").join("\n\n") + "\n";
}

function runs(count: number): string {
  return count === 1 ? "one run" : `medians of ${count} runs (min–max)`;
}

function machineLines({ machine }: Result): string {
  const { cpu, cores, memoryGb, os, versions } = machine;
  return [
    `${cpu}, ${cores} cores, ${memoryGb} GB; ${os}`,
    versions.join(", "),
  ].join("\n");
}

function serverTable({ servers }: Result): string {
  return formatTable([
    ["", "CPU per call, µs", "calls/s", "p50, ms", "p99, ms", "memory, MB"],
    ...servers.map((server) => [
      server.name,
      formatSummary(server.cpuMicrosPerCall),
      formatSummary(server.callsPerSecond),
      formatSummary(server.p50Ms),
      formatSummary(server.p99Ms),
      formatSummary(server.memoryMb),
    ]),
  ]);
}

function loadTable({ loads }: Result): string {
  return formatTable([
    ["calls at once (connections × each)", "CPU per call, µs", "calls/s", "p50, ms", "p99, ms"],
    ...loads.map((load) => [
      `${load.connections * load.streams} (${load.connections} × ${load.streams})`,
      formatSummary(load.cpuMicrosPerCall),
      formatSummary(load.callsPerSecond),
      formatSummary(load.p50Ms),
      formatSummary(load.p99Ms),
    ]),
  ]);
}

/** With the share that each median has of the first one, that of the Python client where it is there. */
function startUpTable(processes: Result["startUp"]): string {
  const first = processes[0]!;
  return formatTable([
    ["", "time, ms", `of ${first.name}`],
    ...processes.map(({ name, ms }) => [
      name,
      formatSummary(ms),
      (ms.median / first.ms.median).toFixed(2),
    ]),
  ]);
}

function batchTable(clients: Result["manyCalls"]): string {
  return formatTable([
    ["", "time, s"],
    ...clients.map(({ name, ms: { median, min, max } }) => [
      name,
      formatSummary({ median: median / 1_000, min: min / 1_000, max: max / 1_000 }),
    ]),
  ]);
}

/** Writes a median with its range: `61.2 (60.4–63)`; the number alone if there is no range. */
export function formatSummary({ median, min, max }: Summary): string {
  if (min === max) return formatNumber(median);
  return `${formatNumber(median)} (${formatNumber(min)}–${formatNumber(max)})`;
}

const format = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

function formatNumber(value: number): string {
  return format.format(value);
}

/** Writes rows in columns, the first one to the left, the others to the right. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)
    ).join("  ").trimEnd()
  ).join("\n");
}
