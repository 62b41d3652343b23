/** The package for PyPI, installed in an empty environment. */
import assert from "node:assert/strict";
import { kill as sendSignal } from "node:process";
import config from "../../deno.json" with { type: "json" };
import { linuxTest } from "../support/program.ts";
import {
  bash,
  checkCalls,
  checkCommand,
  checkCtrlC,
  checkExitCodes,
  checkReadOnly,
  checkRefusal,
  doctored,
  type Installed,
  installWheel,
  makeFolders,
  python,
  removeFolders,
  replaceFile,
  withServer,
} from "./installed.ts";

linuxTest("the package for PyPI", async (test) => {
  const folders = await makeFolders();
  const installed: Installed = { ...folders, program: [`${folders.folder}/bin/usersvc`] };
  const module: Installed = {
    ...folders,
    program: [`${folders.folder}/bin/python`, "-m", "usersvc"],
  };
  try {
    await installWheel(folders);
    const steps: readonly [string, () => Promise<void>][] = [
      ["says of itself what deno.json says", () => checkMetadata(installed)],
      ["serves, is called and drains", () => checkCalls(installed)],
      ["does so as a module", () => checkCalls(module)],
      ["has the exit codes of the program, also where a pipe closes", () => checkExitCodes(module)],
      ["runs a command while it serves", () => checkCommand(installed)],
      ["replaces itself by the native Deno", () => checkProcess(installed)],
      ["drains at Ctrl-C", () => checkCtrlC(installed)],
      ["refuses arguments that are not UTF-8", () => checkUtf8(installed)],
      ["says that file descriptors are too few", () => checkDescriptors(installed)],
      ["runs where nothing can be written", () => checkReadOnly(installed)],
      ["says which Deno is missing, is another one or does not run", () => checkDeno(module)],
      ["does not need pytest, nor loads it", () => checkImports(installed)],
    ];
    for (const [name, check] of steps) await test.step(name, check);
  } finally {
    await removeFolders(folders);
  }
});

async function checkMetadata(installed: Installed): Promise<void> {
  const said = await python(
    installed,
    `import json; from importlib import metadata; m = metadata.metadata("usersvc")
print(json.dumps([m[k] for k in ("Name", "Version", "License-Expression", "Summary")] +
  m.get_all("Requires-Dist") + m.get_all("License-File")))`,
  );
  const { name, version, license, description } = config;
  assert.deepEqual(JSON.parse(said), [
    ...[name, version, license, description, "deno==2.9.6"],
    ...["LICENSE", "THIRD_PARTY_LICENSES"],
  ]);
}

async function checkProcess(installed: Installed): Promise<void> {
  await withServer(installed, [], async ({ pid, ended }) => {
    const executable = await Deno.readLink(`/proc/${pid}/exe`);
    assert.equal(executable, `${installed.folder}/bin/deno`);
    sendSignal(pid, "SIGTERM");
    assert.equal((await ended()).code, 0);
  });
}

async function checkUtf8(installed: Installed): Promise<void> {
  for (const [command, code] of [["call", 2], ["check", 1]] as const) {
    assert.deepEqual(await bash(installed, `"$@" ${command} $'A\\xff'`), {
      code,
      stdout: "",
      stderr: `usersvc ${command}: an argument is not UTF-8; see usersvc ${command} --help\n`,
    });
  }
}

async function checkDescriptors(installed: Installed): Promise<void> {
  assert.deepEqual(await bash(installed, 'ulimit -n 10; "$@" call Alice'), {
    code: 1,
    stdout: "",
    stderr: "usersvc: too few file descriptors: Deno needs 24 to start; " +
      "allow more (ulimit -n 1024)\n",
  });
}

async function checkDeno(installed: Installed): Promise<void> {
  const site = async (folder: string) => {
    const [version] = [...Deno.readDirSync(`${folder}/lib`)].map(({ name }) => name)
      .filter((name) => name.startsWith("python"));
    return await Deno.realPath(`${folder}/lib/${version}/site-packages`);
  };
  const cases: readonly [change: (folder: string) => Promise<void>, why: RegExp][] = [
    [
      async (folder) => await Deno.remove(`${await site(folder)}/deno`, { recursive: true }),
      /Deno 2\.9\.6 is missing beside it; .*pip install/,
    ],
    [
      async (folder) => {
        const [from, to] = ["2.9.6", "2.9.7"].map((version) => `deno-${version}.dist-info`);
        await Deno.rename(`${await site(folder)}/${from}`, `${await site(folder)}/${to}`);
        const metadata = `${await site(folder)}/${to}/METADATA`;
        const text = await Deno.readTextFile(metadata);
        await replaceFile(metadata, text.replace("Version: 2.9.6", "Version: 2.9.7"));
      },
      /needs Deno 2\.9\.6, but found 2\.9\.7;/,
    ],
    [(folder) => Deno.remove(`${folder}/bin/deno`), /Deno 2\.9\.6 has lost its program;/],
    [
      (folder) => replaceFile(`${folder}/bin/deno`, "#!/lib/ld-no\n", 0o755),
      /\/bin\/deno cannot be started: it needs glibc, which this system does not have/,
    ],
    [
      (folder) => replaceFile(`${folder}/bin/deno`, ""),
      /\/bin\/deno cannot be started: Permission denied;/,
    ],
  ];
  for (const [change, why] of cases) {
    await doctored(installed, change, (copy) => checkRefusal(copy, why));
  }
}

async function checkImports(installed: Installed): Promise<void> {
  const code = "import usersvc, usersvc.__main__; print(usersvc.DENO_VERSION)";
  assert.equal(await python(installed, code), "2.9.6");
}
