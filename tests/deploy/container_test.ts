/**
 * Runs what the Dockerfile says without a container engine: its root file system, read-only, as its
 * user, as process 1. It shows that the program needs nothing else; it does not show that the image
 * builds, nor what an engine adds (seccomp, cgroups, a network of its own).
 */
import assert from "node:assert/strict";
import { root } from "../../tools/paths.ts";
import { linuxTest, runProgram, startProgram, usersvc } from "../support/program.ts";
import { makeRoot, type RootFolder } from "./root_folder.ts";

/** The user `nonroot` of distroless images. */
const NONROOT = 65532;

const dockerfile = () => Deno.readTextFile(`${root}Dockerfile`);

/** What the image starts. */
async function image() {
  const text = await dockerfile();
  const instruction = (pattern: RegExp) => {
    const found = pattern.exec(text);
    assert.ok(found, `${pattern}`);
    return found[1]!;
  };
  return {
    entrypoint: JSON.parse(instruction(/^ENTRYPOINT (\[.*\])$/m)) as string[],
    command: JSON.parse(instruction(/^CMD (\[.*\])$/m)) as string[],
    healthCheck: JSON.parse(instruction(/^HEALTHCHECK .*CMD (\[.*\])$/m)) as string[],
    stopSignal: instruction(/^STOPSIGNAL (SIG\w+)$/m),
    env: Object.fromEntries(
      [...text.matchAll(/^ENV (\w+)=(\S+)$/gm)].map((found) => [found[1]!, found[2]!]),
    ),
  };
}

/** Mounts the root read-only, then becomes the user and the program; `$0` is the root. */
const ENTER = `
mount --bind "$0" "$0"
mount --bind /dev "$0/dev"
mount -t tmpfs -o mode=1777 shm "$0/dev/shm"
mount -t proc proc "$0/proc"
mount -o remount,bind,ro "$0"
exec setpriv --no-new-privs chroot --userspec=${NONROOT}:${NONROOT} --groups= "$0" "$@"`;

/**
 * The command line that starts the program in the root folder, as process 1 of its own process and
 * mount namespaces.
 */
function inRoot(
  { path, commandLine, env }: RootFolder,
  args: readonly string[],
): [program: string, args: string[]] {
  // Only root may mount; CI's users are not root but may become it.
  const asRoot = Deno.uid() === 0 ? [] : ["sudo", "--non-interactive"];
  const [program, ...rest] = [
    ...asRoot,
    ...["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
    ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
    ...["unshare", "--mount", "--pid", "--fork", "--kill-child"],
    ...["sh", "-ec", ENTER, path],
    ...[...commandLine, ...args],
  ];
  return [program!, rest];
}

/** The process that is number 1 in its namespace, found below the one that was started. */
async function processOne(pid: number): Promise<{ pid: number; status: string }> {
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const status = await Deno.readTextFile(`/proc/${name}/status`).catch(() => "");
    if (new RegExp(`^PPid:\\t${pid}$`, "m").test(status)) {
      if (/^NSpid:\t\d+\t1$/m.test(status)) return { pid: Number(name), status };
      return await processOne(Number(name));
    }
  }
  throw new Error(`no process 1 below ${pid}`);
}

async function withRoot(use: (folder: RootFolder) => Promise<void>): Promise<void> {
  const folder = await makeRoot();
  try {
    await use({ ...folder, env: { ...folder.env, ...(await image()).env } });
  } finally {
    await Deno.remove(folder.path, { recursive: true });
  }
}

linuxTest(
  "the Dockerfile's command serves, is healthy and drains in its root file system",
  () =>
    withRoot(async (folder) => {
      const { entrypoint, command, healthCheck: [checker, ...check], stopSignal } = await image();
      assert.deepEqual(entrypoint, [checker]);
      assert.equal(command[0], "serve");

      // The network is this machine's: a free port in place of the image's.
      const server = startProgram(...inRoot(folder, [...command, "--port", "0"]));
      const { stdout, stderr } = server;
      let ended = false;
      try {
        const port = (await stdout.until(/порту (\d+)/))[1]!;
        const one = await processOne(server.pid);
        assert.match(one.status, new RegExp(`^Uid:(\\t${NONROOT}){4}$`, "m"));
        assert.match(one.status, new RegExp(`^Gid:(\\t${NONROOT}){4}$`, "m"));
        assert.match(one.status, /^Cap(Prm|Eff):\t0+$/m);
        assert.match(one.status, /^NoNewPrivs:\t1$/m);

        const address = ["--address", `127.0.0.1:${port}`];
        assert.equal((await usersvc(["call", "Alice", ...address])).stdout, "Привет, Alice!\n");
        assert.deepEqual(
          await runProgram(...inRoot(folder, [...check, ...address])),
          { code: 0, stdout: "SERVING\n", stderr: "" },
        );
        // Both workers, too, run there.
        await stderr.until(new RegExp(`(?:has started[^]*){${navigator.hardwareConcurrency}}`));

        await kill(one.pid, stopSignal);
        const result = await server.ended();
        ended = true;
        assert.equal(result.code, 0, result.stderr);
        assert.match(result.stderr, /drained, every call has finished\n$/);
      } finally {
        if (!ended) await kill(server.pid, "SIGKILL");
      }
    }),
);

linuxTest("the root file system of that test is read-only", () =>
  withRoot(async (folder) => {
    const args = ["serve", "--unix", "/tmp/usersvc.sock"];
    const { code, stderr } = await runProgram(...inRoot(folder, args));
    assert.equal(code, 1);
    assert.match(stderr, /read-only/i);
  }));

linuxTest("the image gets all that is compiled, and nothing else", async () => {
  const copied = [...(await dockerfile()).matchAll(/^COPY (?!--from)(.*) \S+$/gm)]
    .flatMap((match) => match[1]!.split(" "));
  const ignore = await Deno.readTextFile(`${root}.dockerignore`);
  const allowed = [...ignore.matchAll(/^!(.*)$/gm)].map((match) => match[1]!);
  assert.deepEqual(copied.toSorted(), allowed.toSorted());
  assert.match(ignore, /^\*$/m);
});

/** Sends a signal to a process of another user. */
async function kill(pid: number, signal: string): Promise<void> {
  if (Deno.uid() === 0) return Deno.kill(pid, signal as Deno.Signal);
  const { success } = await new Deno.Command("sudo", {
    args: ["--non-interactive", "kill", "-s", signal.replace("SIG", ""), `${pid}`],
  }).output();
  assert.ok(success);
}
