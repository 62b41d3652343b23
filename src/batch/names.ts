import { ExpectedError, fileFault } from "../text/errors.ts";
import { readLines } from "./lines.ts";

/** The names of a batch. */
export interface Names {
  /** The names, in lists of any length. */
  readonly lists: AsyncIterable<readonly string[]>;
  /** How many there are in all: undefined where that is not known yet, an estimate for a file. */
  total(): number | undefined;
}

/** The file of names cannot be read, or not to its end; the message says which and why. */
export class NamesError extends ExpectedError {
  override name = "NamesError";
}

/** The names of a command line. */
export function listNames(usernames: readonly string[]): Names {
  async function* lists() {
    yield usernames;
  }
  return { lists: lists(), total: () => usernames.length };
}

/** How many repetitions are one list, at most. */
const MAX_REPEATED = 1_024;

/** Each of the names so many times, before the next. */
export function repeated(names: Names, times: number): Names {
  if (times === 1) return names;
  async function* lists() {
    for await (const list of names.lists) {
      for (const name of list) {
        for (let left = times; left > 0; left -= MAX_REPEATED) {
          yield new Array<string>(Math.min(left, MAX_REPEATED)).fill(name);
        }
      }
    }
  }
  function total(): number | undefined {
    const once = names.total();
    return once === undefined ? undefined : once * times;
  }
  return { lists: lists(), total };
}

/** How many characters of names are kept to be repeated: more would be memory without a limit. */
const MAX_KEPT = 32 << 20;

/** How much one kept name takes beside its characters, about. */
const NAME_OVERHEAD = 64;

/**
 * The names again and again, without end, all of them before the first again; of very many, only the
 * first are repeated.
 */
export function endless(names: Names): Names {
  async function* lists() {
    const kept: (readonly string[])[] = [];
    let room = MAX_KEPT;
    for await (const list of names.lists) {
      yield list;
      if (room <= 0) continue;
      room -= list.reduce((sum, { length }) => sum + length + NAME_OVERHEAD, 0);
      kept.push(list);
    }
    const all = kept.flat();
    if (all.length === 0) return;
    // Long lists: to fetch one takes time, in which no call begins.
    const round = Array<string[]>(Math.ceil(MAX_REPEATED / all.length)).fill(all).flat();
    while (true) yield round;
  }
  return { lists: lists(), total: () => undefined };
}

/** The names that stdin has on Unix; Deno may not read them. */
const STDIN_PATHS: readonly string[] = ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"];

/** Whether the path of a file of names stands for stdin: `-`, or what the system calls it. */
export function isStdin(path: string): boolean {
  return path === "-" || STDIN_PATHS.includes(path);
}

/**
 * The names of a file, one on each line. It is opened when the first are asked for.
 *
 * {@linkcode Names.lists} throws a {@linkcode NamesError} where it cannot be read, after the names before.
 *
 * @param path of the file; see {@linkcode isStdin}
 */
export function fileNames(path: string): Names {
  let size: number | undefined;
  let bytesRead = 0, linesRead = 0, ended = false;

  async function* bytes() {
    const opened = await openFile(path);
    size = opened.size;
    for await (const chunk of opened.readable) {
      bytesRead += chunk.length;
      yield chunk;
    }
  }

  async function* lists() {
    try {
      for await (const list of readLines(bytes())) {
        // Counted before the list is yielded: its calls start while the total is asked for.
        linesRead += list.length;
        yield list;
      }
    } catch (error) {
      const file = isStdin(path) ? "stdin" : path;
      throw new NamesError(`cannot read ${file}: ${fileFault(error)}`);
    }
    ended = true;
  }

  function total(): number | undefined {
    if (ended) return linesRead;
    return size === undefined || bytesRead === 0
      ? undefined
      : Math.round(linesRead * Math.max(1, size / bytesRead));
  }

  return { lists: lists(), total };
}

/** Opens a file; its size is known where it is a regular one. */
async function openFile(
  path: string,
): Promise<{ readonly readable: AsyncIterable<Uint8Array>; readonly size: number | undefined }> {
  if (isStdin(path)) return { readable: Deno.stdin.readable, size: undefined };
  const file = await Deno.open(path);
  const { isFile, isDirectory, size } = await file.stat();
  if (isDirectory) throw new Error("it is a directory");
  return { readable: file.readable, size: isFile ? size : undefined };
}
