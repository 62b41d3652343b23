const UNIT_BYTES: Record<string, number> = { MB: 1_000_000, GB: 1_000_000_000 };
const MIN_BYTES = 150_000_000;
const MAX_BYTES = 64_000_000_000;

/** What {@linkcode parseSize} accepts, in words for help and errors. */
export const SIZE = "a size from 150MB to 64GB with its unit, such as 400MB or 1.5GB";

/**
 * Reads an amount of memory such as `400MB` or `1.5GB`.
 *
 * @returns bytes, or undefined if the text is not a size from 150MB to 64GB: below that a server
 * that has answered nothing yet is already too large
 */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(MB|GB)$/.exec(text);
  if (!match) return undefined;
  const bytes = Number(match[1]) * UNIT_BYTES[match[2]!]!;
  return bytes >= MIN_BYTES && bytes <= MAX_BYTES ? bytes : undefined;
}

/** Writes an amount of memory for people: `412 MB`. */
export function formatMegabytes(bytes: number): string {
  return `${Math.round(bytes / UNIT_BYTES.MB!)} MB`;
}
