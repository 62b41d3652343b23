/** What processes use, as Linux shows it in /proc. */

/**
 * The resident memory of a process and of all its descendants, in megabytes.
 *
 * @see https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
 */
export async function residentMb(pid: number): Promise<number> {
  const kb = await Promise.all((await familyOf(pid)).map(residentKb));
  return kb.reduce((sum, one) => sum + one) / 1024;
}

/** The most memory that a process, its descendants left out, has ever had, in megabytes. */
export async function peakMb(pid: number): Promise<number> {
  return Number(/^VmHWM:\s*(\d+) kB$/m.exec(await read(`/proc/${pid}/status`))?.[1] ?? 0) / 1024;
}

/**
 * The CPU time that a process and all its descendants have used, in seconds.
 *
 * @see https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
 */
export async function cpuSeconds(pid: number): Promise<number> {
  const ticks = await Promise.all((await familyOf(pid)).map(cpuTicks));
  return ticks.reduce((sum, one) => sum + one) / TICKS_PER_SECOND;
}

/** USER_HZ, the same on every architecture that Deno runs on. */
const TICKS_PER_SECOND = 100;

async function cpuTicks(pid: number): Promise<number> {
  // The name of the program, in parentheses, may hold spaces.
  const fields = (await read(`/proc/${pid}/stat`)).replace(/^.*\) /s, "").split(" ");
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
}

/** A process and all its descendants, by their ids. */
export async function familyOf(pid: number): Promise<number[]> {
  const parents = new Map<number, number>();
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const parent = /^PPid:\s*(\d+)$/m.exec(await read(`/proc/${name}/status`))?.[1];
    if (parent !== undefined) parents.set(Number(name), Number(parent));
  }
  const family = new Set([pid]);
  // Iterating a Set also visits the members that are added meanwhile.
  for (const member of family) {
    for (const [child, parent] of parents) if (parent === member) family.add(child);
  }
  return [...family];
}

async function residentKb(pid: number): Promise<number> {
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(await read(`/proc/${pid}/status`))?.[1] ?? 0);
}

/** Empty once the process has ended. */
async function read(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch {
    return "";
  }
}
