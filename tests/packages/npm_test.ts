/** The package for npm, installed in an empty folder. */
import assert from "node:assert/strict";
import { kill as sendSignal } from "node:process";
import config from "../../deno.json" with { type: "json" };
import { linuxTest } from "../support/program.ts";
import {
  checkCalls,
  checkCommand,
  checkCtrlC,
  checkExitCodes,
  checkNoneLeft,
  checkReadOnly,
  checkRefusal,
  childrenOf,
  doctored,
  type Installed,
  installTarball,
  makeFolders,
  removeFolders,
  replaceFile,
  run,
  withServer,
} from "./installed.ts";

const native = `@deno/linux-${Deno.build.arch === "x86_64" ? "x64" : "arm64"}-glibc`;

linuxTest("the package for npm", async (test) => {
  const folders = await makeFolders();
  const installed: Installed = {
    ...folders,
    program: [`${folders.folder}/node_modules/.bin/usersvc`],
  };
  try {
    await installTarball(folders);
    const steps: readonly [string, (installed: Installed) => Promise<void>][] = [
      ["says of itself what deno.json says", checkManifest],
      ["serves, is called and drains", checkCalls],
      ["has the exit codes of the program, also where a pipe closes", checkExitCodes],
      ["runs a command while it serves", checkCommand],
      ["starts the native Deno, once, and ends as it does", checkProcesses],
      ["takes a signal that was sent to all of its processes once", checkGroupSignal],
      ["passes SIGUSR2 on, which turns health over", checkHealthSignal],
      ["leaves no server behind when it is killed", checkKilled],
      ["ends as the program does under Deno in place of Node", checkUnderDeno],
      ["drains at Ctrl-C", checkCtrlC],
      ["runs where nothing can be written", checkReadOnly],
      ["works in a folder whose name has a comma and a space", checkOddFolder],
      ["says which Deno is missing, or is another one", checkDeno],
      ["says on which platforms there is no Deno", checkPlatforms],
    ];
    for (const [name, check] of steps) await test.step(name, () => check(installed));
  } finally {
    await removeFolders(folders);
  }
});

async function checkManifest({ folder }: Installed): Promise<void> {
  const path = `${folder}/node_modules/usersvc/package.json`;
  const manifest = JSON.parse(await Deno.readTextFile(path));
  for (const key of ["name", "version", "license", "description"] as const) {
    assert.equal(manifest[key], config[key]);
  }
  assert.deepEqual(manifest.dependencies, { deno: "2.9.6" });
  const licenses = path.replace("package.json", "THIRD_PARTY_LICENSES");
  assert.match(await Deno.readTextFile(licenses), /^@grpc\/grpc-js .*\nLicense: Apache-2\.0$/m);
}

async function checkProcesses(installed: Installed): Promise<void> {
  await withServer(installed, [], async ({ pid, ended }) => {
    const children = await childrenOf(pid);
    assert.equal(children.length, 1);
    const executable = await Deno.readLink(`/proc/${children[0]}/exe`);
    assert.equal(executable, `${installed.folder}/node_modules/${native}/deno`);
    sendSignal(children[0]!, "SIGKILL");
    assert.equal((await ended()).code, 128 + 9);
  });
}

async function checkHealthSignal(installed: Installed): Promise<void> {
  await withServer(installed, [], async ({ pid, stderr, ended }) => {
    sendSignal(pid, "SIGUSR2");
    await stderr.until(/: SIGUSR2: health is NOT_SERVING\n/);
    sendSignal(pid, "SIGTERM");
    assert.equal((await ended()).code, 0);
  });
}

async function checkKilled(installed: Installed): Promise<void> {
  await withServer(installed, [], async ({ pid, ended }) => {
    sendSignal(pid, "SIGKILL");
    await checkNoneLeft(installed, "SIGKILL");
    const { stderr } = await ended();
    assert.match(stderr, /stdin has closed: draining/);
  });
}

async function checkUnderDeno(installed: Installed): Promise<void> {
  const starter = `${installed.folder}/node_modules/usersvc/usersvc.cjs`;
  const program = [Deno.execPath(), "run", "--quiet", "--allow-all", starter] as const;
  await checkCalls({ ...installed, program });
  await withServer({ ...installed, program }, [], async ({ pid, ended }) => {
    sendSignal((await childrenOf(pid))[0]!, "SIGKILL");
    assert.equal((await ended()).code, 128 + 9);
  });
}

async function checkGroupSignal(installed: Installed): Promise<void> {
  await withServer(installed, ["--delay", "2s"], async ({ pid, port, stdout, stderr, ended }) => {
    const call = run(installed, "call", "Alice", "--port", port);
    await stdout.until(/Alice/);
    const [deno] = await childrenOf(pid);
    sendSignal(deno!, "SIGTERM");
    // Later than Node is on a machine that is busy.
    await stderr.until(/SIGTERM: draining/);
    sendSignal(pid, "SIGTERM");
    assert.deepEqual(await call, { code: 0, stdout: "Привет, Alice!\n", stderr: "" });
    assert.equal((await ended()).code, 0);
  });
}

async function checkOddFolder(installed: Installed): Promise<void> {
  await doctored(installed, async () => {}, async ({ folder }) => {
    const odd = `${folder}, odd`;
    await Deno.rename(folder, odd);
    const copy: Installed = { ...installed, program: [`${odd}/node_modules/.bin/usersvc`] };
    try {
      await withServer(copy, ["--workers", "1"], async ({ pid, ended }) => {
        sendSignal(pid, "SIGTERM");
        const { code, stderr } = await ended();
        assert.equal(code, 0, stderr);
        assert.match(stderr, /worker 1 .* has started/);
      });
    } finally {
      await Deno.rename(odd, folder);
    }
  });
}

async function checkDeno(installed: Installed): Promise<void> {
  const inModules = (folder: string, path: string) => `${folder}/node_modules/${path}`;
  const remove = (path: string) => (folder: string) =>
    Deno.remove(inModules(folder, path), { recursive: true });
  const newer = (path: string) => async (folder: string) => {
    const file = `${inModules(folder, path)}/package.json`;
    const manifest = JSON.parse(await Deno.readTextFile(file));
    await replaceFile(file, JSON.stringify({ ...manifest, version: "2.9.7" }));
  };
  const cases: readonly [change: (folder: string) => Promise<void>, why: RegExp][] = [
    [remove("deno"), /Deno 2\.9\.6 is missing beside it; .*npm install/],
    [remove(native), new RegExp(`${native} is missing, an optional dependency of deno;`)],
    [newer("deno"), /needs Deno 2\.9\.6, but .*\/deno is 2\.9\.7;/],
    [newer(native), /needs Deno 2\.9\.6, but .*-glibc is 2\.9\.7;/],
    [
      (folder) => replaceFile(inModules(folder, `${native}/deno`), ""),
      /\/deno cannot be started \(EACCES\);/,
    ],
  ];
  for (const [change, why] of cases) {
    await doctored(installed, change, (copy) => checkRefusal(copy, why));
  }
}

/** What Node says of the machine is changed in Node: the package has no switch for it. */
async function checkPlatforms(installed: Installed): Promise<void> {
  const fake = `${installed.env.HOME}/fake.cjs`;
  const pretending = { ...installed, env: { ...installed.env, NODE_OPTIONS: `--require=${fake}` } };
  await Deno.writeTextFile(fake, 'Object.defineProperty(process, "arch", { value: "ia32" });');
  await checkRefusal(pretending, /Deno 2\.9\.6 is not available for linux on ia32/);
  await Deno.writeTextFile(fake, "process.report.getReport = () => ({ header: {} });");
  const musl = /Deno 2\.9\.6 needs glibc, which this system does not have/;
  // npm leaves out what is for another libc; other package managers install it.
  const changes: readonly ((folder: string) => Promise<void>)[] = [
    (folder) => Deno.remove(`${folder}/node_modules/${native}`, { recursive: true }),
    (folder) => replaceFile(`${folder}/node_modules/${native}/deno`, "#!/lib/ld-no\n", 0o755),
  ];
  for (const change of changes) {
    await doctored(pretending, change, (copy) => checkRefusal(copy, musl));
  }
}
