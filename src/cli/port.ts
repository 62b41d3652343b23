/** What {@linkcode parsePort} accepts, in words for help and errors. */
export const PORT = "a port number from 1 to 65535";

/** What {@linkcode parsePortOrFree} accepts, in words for help and errors. */
export const PORT_OR_FREE = "a port number from 1 to 65535, or 0 for any free one";

/** Reads a TCP port, 1 to 65535; undefined if the text is not one. */
export function parsePort(text: string): number | undefined {
  return parsePortOrFree(text) || undefined;
}

/** Reads a TCP port or 0, which asks the system for a free one; undefined if it is neither. */
export function parsePortOrFree(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65535 ? Number(text) : undefined;
}
