import { cut, escapeControls, excerpt } from "../text/escape.ts";
import { fileFault } from "../text/errors.ts";
import { type Line, readLines } from "./lines.ts";

/** A name to greet. */
export interface Name {
  /** The username; only its start where there is a fault. */
  readonly username: string;
  /** Why it cannot be sent. */
  readonly fault?: string;
}

/** The names of a batch. */
export interface Names {
  /** The names, in lists of any length. */
  readonly lists: AsyncIterable<readonly Name[]>;
  /** How many there are in all: undefined where that is not known yet, an estimate for a file. */
  total(): number | undefined;
}

/** The file of names cannot be read; the message says which and why. */
export class NamesError extends Error {
  override name = "NamesError";
}

/** Longer lines are not sent: servers refuse messages of 4 MiB, and a stream may never end one. */
const MAX_LINE_BYTES = 1 << 20;

/** How many characters are shown of a line that cannot be sent. */
const MAX_SHOWN = 60;

/** The names of a command line. */
export function listNames(usernames: readonly string[]): Names {
  async function* lists() {
    yield usernames.map((username) => ({ username }));
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
          yield new Array<Name>(Math.min(left, MAX_REPEATED)).fill(name);
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
    const kept: (readonly Name[])[] = [];
    let room = MAX_KEPT;
    for await (const list of names.lists) {
      yield list;
      if (room <= 0) continue;
      room -= list.reduce((sum, { username }) => sum + username.length + NAME_OVERHEAD, 0);
      kept.push(list);
    }
    const all = kept.flat();
    if (all.length === 0) return;
    // Long lists: to fetch one takes time, in which no call begins.
    const round = Array<Name[]>(Math.ceil(MAX_REPEATED / all.length)).fill(all).flat();
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
 * The names of a file, one on each line.
 *
 * @param path of the file; see {@linkcode isStdin}
 * @throws {NamesError} if it cannot be opened; {@linkcode Names.lists} if it cannot be read, or is
 *   UTF-16
 */
export async function openNames(path: string): Promise<Names> {
  const file = isStdin(path) ? "stdin" : path;
  try {
    if (isStdin(path)) return readNames(Deno.stdin.readable, file, undefined);
    const open = await Deno.open(path);
    const { isFile, isDirectory, size } = await open.stat();
    if (isDirectory) throw new Error("it is a directory");
    return readNames(open.readable, file, isFile ? size : undefined);
  } catch (error) {
    throw namesError(file, error);
  }
}

function readNames(
  bytes: AsyncIterable<Uint8Array>,
  file: string,
  size: number | undefined,
): Names {
  let bytesRead = 0, linesRead = 0, ended = false;

  async function* counted() {
    for await (const chunk of bytes) {
      bytesRead += chunk.length;
      yield chunk;
    }
  }

  async function* lists() {
    try {
      for await (const list of readLines(counted(), MAX_LINE_BYTES)) {
        const before = linesRead;
        // Counted before the list is yielded: its calls start while the total is asked for.
        linesRead += list.length;
        yield list.map((line, index) => nameOfLine(line, before + index + 1));
      }
    } catch (error) {
      throw namesError(file, error);
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

function nameOfLine({ text, fault }: Line, number: number): Name {
  return fault === undefined
    ? { username: text }
    : { username: cut(text, MAX_SHOWN), fault: `line ${number} is ${fault}; it was not sent` };
}

function namesError(file: string, error: unknown): NamesError {
  return new NamesError(`cannot read ${excerpt(file)}: ${escapeControls(fileFault(error))}`);
}
