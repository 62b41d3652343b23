/**
 * Deno panics when an error gets its stack trace and no file descriptor is left.
 *
 * - What is wrong: to map a stack to the sources Deno reads its cache of them. Where it can open no
 *   file, it compiles them anew and panics on the way: Rust's `stacker` opens `/proc/self/maps`. Peers
 *   can bring that about with connections.
 * - Versions: Deno 2.9.2.
 * - Upstream: https://github.com/rust-lang/stacker/blob/stacker-0.1.15/src/lib.rs#L416
 * - Measured: 4 % of the CPU of a batch, of which each call would have a stack.
 * - Fails: without it "connections that wait for a worker leave file descriptors to start it" in
 *   tests/abuse/descriptors_test.ts.
 * - It can go when Deno maps stacks without a file.
 */

/**
 * Runs a function whose errors get no stack trace: where they are made for each call and never shown,
 * and for what fails when no file descriptor is left.
 */
export function withoutStackTrace<T>(run: () => T): T {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return run();
  } finally {
    Error.stackTraceLimit = limit;
  }
}
