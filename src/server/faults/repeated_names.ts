/** A name of a JSON object, or the number of a JSON list's element. */
type Key = string | number;

/** What is open at one place of a JSON text. */
interface Open {
  /** Where it is: in an object the last name, in a list the number of the element. */
  key: Key;
  /** The names of an object so far; undefined for a list. */
  readonly names: Set<string> | undefined;
  /** The next text is a name. */
  beforeName: boolean;
}

const TOKEN = /"(?:[^"\\]+|\\.)*"|[[\]{},]/g;

/**
 * Finds the names that an object has more than once. `JSON.parse` keeps the last of them, and says
 * nothing.
 *
 * @param text what `JSON.parse` accepts
 * @returns the path of each of them
 */
export function repeatedNames(text: string): (readonly Key[])[] {
  const found: Key[][] = [];
  const open: Open[] = [];
  for (const [token] of text.matchAll(TOKEN)) {
    const inner = open.at(-1);
    if (token === "{") open.push({ key: "", names: new Set(), beforeName: true });
    else if (token === "[") open.push({ key: 0, names: undefined, beforeName: false });
    else if (token === "}" || token === "]") open.pop();
    else if (inner === undefined) continue;
    else if (token === ",") {
      if (typeof inner.key === "number") inner.key++;
      else inner.beforeName = true;
    } else if (inner.names !== undefined && inner.beforeName) {
      const name: string = JSON.parse(token);
      inner.key = name;
      inner.beforeName = false;
      if (inner.names.has(name)) found.push(open.map(({ key }) => key));
      inner.names.add(name);
    }
  }
  return found;
}
