/**
 * The peak memory of other processes. Deno lets only programs with all permissions read /proc, so a shell
 * does it, one for all: its `read` starts no program.
 *
 * @see https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
 */

/** Asks for the peak memory of processes. */
export interface PeakMemory {
  /**
   * The most memory that a process has had so far, its children left out, in bytes; undefined if it has
   * ended, or this system does not say it.
   */
  of(pid: number): Promise<number | undefined>;
  close(): Promise<void>;
}

const SCRIPT = `while read -r pid; do
  peak=
  while read -r name value unit; do
    if [ "$name" = VmHWM: ]; then peak=$value; fi
  done 2>/dev/null < "/proc/$pid/status"
  echo "$pid $peak"
done`;

/** Starts the shell, on Linux; elsewhere, or without a shell, no memory is known. */
export function openPeakMemory(): PeakMemory {
  const shell = startShell();
  if (shell === undefined) return { of: () => Promise.resolve(undefined), close: async () => {} };
  const stdin = shell.stdin.getWriter();
  const waiting: ((kilobytes: string) => void)[] = [];
  const reading = readLines(shell.stdout, (line) => waiting.shift()?.(line.split(" ")[1] ?? ""))
    .finally(() => waiting.forEach((resolve) => resolve("")));
  return {
    async of(pid) {
      const { promise, resolve } = Promise.withResolvers<string>();
      waiting.push(resolve);
      await stdin.write(new TextEncoder().encode(`${pid}\n`)).catch(() => resolve(""));
      const kilobytes = await promise;
      return kilobytes === "" ? undefined : Number(kilobytes) * 1024;
    },
    async close() {
      await stdin.close().catch(() => {});
      await reading;
      await shell.status;
    },
  };
}

function startShell() {
  if (Deno.build.os !== "linux") return undefined;
  try {
    return new Deno.Command("/bin/sh", {
      args: ["-c", SCRIPT],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
      // Ctrl-C ends the clients, and then this.
      detached: true,
    }).spawn();
  } catch {
    return undefined;
  }
}

async function readLines(
  stream: ReadableStream<Uint8Array>,
  onLine: (line: string) => void,
): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    lines.forEach(onLine);
  }
}
