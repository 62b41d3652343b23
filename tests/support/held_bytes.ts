/** How much memory an object holds, as far as it can be reached by its properties. */

/**
 * Counts the buffers and strings that an object holds, and 50 bytes for each object. A buffer counts
 * with all of the memory that it is a part of, once.
 *
 * @param without properties that are not the object's own memory
 */
export function heldBytes(object: object, without: readonly string[] = []): number {
  const seen = new Set<unknown>();
  const waiting: unknown[] = [object];
  let bytes = 0;
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (typeof value === "string") bytes += value.length;
    if (typeof value !== "object" || value === null || seen.has(value)) continue;
    seen.add(value);
    if (ArrayBuffer.isView(value)) waiting.push(value.buffer);
    else if (value instanceof ArrayBuffer) bytes += value.byteLength;
    else if (value instanceof Map) waiting.push(...value.keys(), ...value.values());
    else {
      bytes += 50;
      for (const [name, one] of Object.entries(value)) {
        if (!without.includes(name)) waiting.push(one);
      }
    }
  }
  return bytes;
}
