/** What {@linkcode parsePath} accepts, in words for help and errors. */
export const PATH = "the path of a file";

/** Reads a path: any text without a NUL; undefined if the text is not one. */
export function parsePath(text: string): string | undefined {
  return text === "" || text.includes("\0") ? undefined : text;
}
