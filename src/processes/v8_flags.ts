/**
 * The flags of V8 for a program that is a bundle, and for its workers; an executable has them baked in.
 *
 * Functions are compiled before they are called: then V8's code cache, which Deno fills when a module
 * is first loaded, holds them, and only the first start compiles any. The young objects of a whole
 * call fit into 8 MB, so none are collected.
 */
export const V8_FLAGS: readonly string[] = ["--no-lazy", "--min-semi-space-size=8"];
