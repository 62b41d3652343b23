import { build, type Histogram } from "hdr-histogram-js";

/**
 * Opens a histogram with three digits, which takes 250 KB at most. A module of its own, since a bundle
 * loses the names of a CommonJS package that is itself imported by `import()`.
 */
export function openHistogram(): Histogram {
  return build({ numberOfSignificantValueDigits: 3 });
}
