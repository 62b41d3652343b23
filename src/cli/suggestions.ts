/**
 * The candidate that was probably meant.
 *
 * @returns undefined if none is closer than half the length of what was typed, rounded up
 */
export async function nearest(
  typed: string,
  candidates: string[],
): Promise<string | undefined> {
  const { closestMatch } = await import("leven");
  return closestMatch(typed, candidates, {
    maxDistance: Math.ceil(typed.length / 2) - 1,
  });
}

/** The end of an error line: ` (did you mean serve?)`, or nothing if no candidate is near. */
export async function didYouMean(
  typed: string,
  candidates: string[],
): Promise<string> {
  const match = await nearest(typed, candidates);
  return match === undefined ? "" : ` (did you mean ${match}?)`;
}
