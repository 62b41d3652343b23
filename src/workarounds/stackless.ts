/**
 * Runs a function whose errors get no stack trace: where they are made for each call and never shown,
 * and for what fails when no file descriptor is left.
 *
 * To map a stack to the sources Deno reads its cache of them. Where it can open no file, it compiles
 * them anew, and Deno 2.9.2 panics on the way: Rust's `stacker` opens `/proc/self/maps`. Peers can
 * bring that about with connections.
 *
 * @see https://github.com/rust-lang/stacker/blob/stacker-0.1.15/src/lib.rs#L416
 */
export function stackless<T>(run: () => T): T {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return run();
  } finally {
    Error.stackTraceLimit = limit;
  }
}
