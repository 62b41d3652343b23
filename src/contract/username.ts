/** The longest username that is greeted, in characters (Unicode code points). */
export const MAX_USERNAME = 256;

/**
 * Says what is wrong with a username.
 *
 * @returns a message for the caller, or undefined if the username can be greeted
 */
export function usernameFault(username: string): string | undefined {
  if (username === "") return "username is empty";
  if (isTooLong(username)) return `username is longer than ${MAX_USERNAME} characters`;
  return username.trim() === "" ? "username is blank" : undefined;
}

/** Whether a username has more than {@linkcode MAX_USERNAME} characters. */
export function isTooLong(username: string): boolean {
  // A code point takes at most two UTF-16 units: a name of megabytes need not be counted.
  return username.length > 2 * MAX_USERNAME || [...username].length > MAX_USERNAME;
}
