/** Names in numbers, and what is said to them. */

/** Names that are told apart. */
export function names(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, index) => `n${from + index}`);
}

/** What `call` prints for names that are greeted. */
export function greetings(usernames: readonly string[]): string {
  return usernames.map((username) => `Привет, ${username}!\n`).join("");
}
