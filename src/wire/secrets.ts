/** Headers whose values let others in. */
const SECRET = ["authorization", "proxy-authorization", "cookie", "set-cookie"];

/** What is shown in the place of a value that is a secret. */
export const HIDDEN = "(hidden)";

/** Whether the value of a header, whose name is in lower case, lets others in. */
export function isSecret(name: string): boolean {
  return SECRET.includes(name);
}
