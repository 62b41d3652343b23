/** Amounts as people read and write them, with their unit. */
const UNIT_MS: Units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const UNIT_BYTES: Units = { MB: 1_000_000, GB: 1_000_000_000 };

/** How much each unit is worth. */
type Units = Readonly<Record<string, number>>;

/** A duration such as `500ms`, `1.5m` or `0`, in milliseconds; NaN if the text is none. */
export function milliseconds(text: string): number {
  return text === "0" ? 0 : amount(text, UNIT_MS);
}

/** An amount of memory such as `400MB` or `1.5GB`, in bytes; NaN if the text is none. */
export function bytes(text: string): number {
  return amount(text, UNIT_BYTES);
}

function amount(text: string, units: Units): number {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)([a-zA-Z]+)$/.exec(text) ?? [];
  return Object.hasOwn(units, unit) ? Number(number) * units[unit]! : NaN;
}

/** Writes a duration, in milliseconds: `500 ms`, or in seconds from one on, `1.5 s`. */
export function formatDuration(ms: number): string {
  return ms < 1_000 ? `${ms} ms` : `${ms / 1_000} s`;
}

/** Writes an amount of memory, in bytes: `412 MB`. */
export function formatMegabytes(bytes: number): string {
  return `${Math.round(bytes / UNIT_BYTES.MB!)} MB`;
}

/** Writes how many there are of something: `1 call`, `2 calls`. */
export function formatCount(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? "" : "s"}`;
}
