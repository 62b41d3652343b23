/** A steady load of `usersvc call -`. */
import { spawnUsersvc, Transcript } from "../support/program.ts";

/** How many names the client has at most that it has not answered, its 50 calls in flight among them. */
const AHEAD = 200;

/** A running client. */
interface Load {
  /** Waits until so many calls more than by now have been answered; throws if the client ends. */
  more(count: number): Promise<void>;
  /** Stops to call, waits for the end; returns the names that were sent and what came back. */
  end(): Promise<{ names: string[]; code: number; stdout: string; stderr: string }>;
}

/** Calls a target without a pause, with a new name each time, until it is told to end. */
export function startLoad(target: string): Load {
  const child = spawnUsersvc(
    ["call", "-", "--address", target, "--retries", "2", "--concurrency", "50"],
    { stdin: "piped" },
  );
  const stderr = new Transcript(child.stderr);
  const answers = new Transcript(child.stdout);
  const names: string[] = [];
  let ending = false;
  const feed = async () => {
    const writer = child.stdin.getWriter();
    // Not much ahead of the answers, or the end would wait for all that the pipe holds.
    while (!ending && await answers.lines(names.length - AHEAD)) {
      const name = `caller-${names.length}`;
      names.push(name);
      await writer.write(new TextEncoder().encode(`${name}\n`));
    }
    await writer.close();
  };
  // Where the client has ended, its exit code and stderr say more than a broken pipe.
  const fed = feed().catch((error) => {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  });
  return {
    async more(count) {
      if (!await answers.lines(answers.lineCount + count)) {
        throw new Error(`the client has ended: ${await stderr.all()}`);
      }
    },
    async end() {
      ending = true;
      await fed;
      const stdout = await answers.all();
      const { code } = await child.status;
      return { names, code, stdout, stderr: await stderr.all() };
    },
  };
}
