/** The package for PyPI, installed in an empty environment, and its plugin of pytest. */
import assert from "node:assert/strict";
import { kill as sendSignal } from "node:process";
import config from "../../deno.json" with { type: "json" };
import { root } from "../../tools/paths.ts";
import { linuxTest } from "../support/program.ts";
import { until } from "../support/waits.ts";
import {
  bash,
  checkCalls,
  checkCtrlC,
  checkExitCodes,
  checkReadOnly,
  checkRefusal,
  childrenOf,
  doctored,
  install,
  type Installed,
  makeFolders,
  packagePath,
  removeFolders,
  replaceFile,
  run,
  spawn,
  withServer,
} from "./installed.ts";

const PIP = ["--quiet", "--only-binary=:all:", "--no-compile"];

/** What the documentation's test needs. */
const TOOLS = ["pytest==9.2.0", "pytest-xdist==3.8.0", "grpcio==1.85.1", "grpcio-tools==1.85.1"];

linuxTest("the package for PyPI", async (test) => {
  const folders = await makeFolders();
  const installed: Installed = { ...folders, program: [`${folders.folder}/bin/usersvc`] };
  const module: Installed = {
    ...folders,
    program: [`${folders.folder}/bin/python`, "-m", "usersvc"],
  };
  try {
    await install(folders, "python3", "-m", "venv", ".");
    const wheel = await packagePath("pypi", "-py3-none-any.whl");
    await install(folders, "bin/pip", "install", ...PIP, wheel);
    const steps: readonly [string, () => Promise<void>][] = [
      ["says of itself what deno.json says", () => checkMetadata(installed)],
      ["serves, is called and drains", () => checkCalls(installed)],
      ["does so as a module", () => checkCalls(module)],
      ["has the exit codes of the program, also where a pipe closes", () => checkExitCodes(module)],
      ["replaces itself by the native Deno", () => checkProcess(installed)],
      ["drains at Ctrl-C", () => checkCtrlC(installed)],
      ["refuses arguments that are not UTF-8", () => checkUtf8(installed)],
      ["says that file descriptors are too few", () => checkDescriptors(installed)],
      ["runs where nothing can be written", () => checkReadOnly(installed)],
      ["says which Deno is missing, is another one or does not run", () => checkDeno(module)],
      ["does not need pytest, nor loads it", () => checkImports(installed)],
    ];
    for (const [name, check] of steps) await test.step(name, check);
    await install(folders, "bin/pip", "install", ...PIP, ...TOOLS);
    const pluginSteps: readonly [string, () => Promise<void>][] = [
      ["the plugin of pytest", () => checkPlugin(installed)],
      ["its records are those of the running test", () => checkRecords(installed)],
      ["it takes options, or says at once why not", () => checkOptions(installed)],
      ["it names a server that dies as the cause", () => checkDeath(installed)],
      ["it leaves nothing running if it is interrupted at the start", () => checkSigint(installed)],
    ];
    for (const [name, check] of pluginSteps) await test.step(name, check);
  } finally {
    await removeFolders(folders);
  }
});

async function python(installed: Installed, code: string): Promise<string> {
  const program = [`${installed.folder}/bin/python`, "-c"] as const;
  const { code: exitCode, stdout, stderr } = await run({ ...installed, program }, code);
  assert.equal(exitCode, 0, stderr);
  return stdout.trimEnd();
}

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

/** How pytest runs, where nothing else is. */
function pytestOf(installed: Installed): Installed {
  return {
    ...installed,
    env: { ...installed.env, PYTHONDONTWRITEBYTECODE: "1" },
    program: [`${installed.folder}/bin/pytest`, "-q", "-p", "no:cacheprovider"],
  };
}

/** Runs pytest to its end; returns its exit code and what it printed. */
async function pytest(installed: Installed, ...args: string[]) {
  const { code, stdout, stderr } = await run(pytestOf(installed), ...args);
  return { code, said: stdout + stderr };
}

/** The processes that a test session has left behind. */
async function left({ folder }: Installed): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    const path = /^\d+$/.test(name) ? await Deno.readLink(`/proc/${name}/exe`).catch(() => "") : "";
    if (path === `${folder}/bin/deno`) found.push(name);
  }
  return found;
}

async function checkPlugin(installed: Installed): Promise<void> {
  const page = await Deno.readTextFile(`${root}docs/testing.md`);
  const code = /^```python\n([^]*?)^```$/m.exec(page)![1]!;
  const client = `${installed.empty}/test_client.py`;
  await Deno.writeTextFile(client, code);
  const [alone, parallel] = [await pytest(installed), await pytest(installed, "-n", "2")];
  for (const { code, said } of [alone, parallel]) {
    assert.equal(code, 0, said);
    assert.match(said, /^4 passed in /m);
  }
  assert.match(parallel.said, /bringing up nodes/);
  const loads = "import sys, usersvc.pytest_plugin; print({'grpc', 'xdist'} & set(sys.modules))";
  assert.equal(await python(installed, loads), "set()");
  await Deno.writeTextFile(client, OPTIONS);
  await Deno.writeTextFile(
    `${installed.empty}/pytest.ini`,
    "[pytest]\nusersvc_options = --delay 2s\n",
  );
  const delayed = await pytest(installed, "-s");
  assert.equal(delayed.code, 0, delayed.said);
  assert.match(delayed.said, /stopped, 1 call, OK/);
  assert.deepEqual(await left(installed), []);
}

const cases = `${root}tests/packages/plugin/`;
const withOptions = (options: string) => ["-o", `usersvc_options=${options}`];

async function checkRecords(installed: Installed): Promise<void> {
  for (const options of ["", "--workers 2"]) {
    const args = withOptions(`--faults-by-metadata ${options}`);
    const { code, said } = await pytest(installed, ...args, `${cases}test_records.py`);
    assert.equal(code, 0, said);
  }
}

async function checkOptions(installed: Installed): Promise<void> {
  const test = `${installed.empty}/test_one.py`;
  const says = "import subprocess, sys\n\ndef test_says(usersvc):\n    print(usersvc.address)\n" +
    '    call = [sys.executable, "-m", "usersvc", "call", "Bob", "--address", usersvc.address]\n' +
    "    subprocess.run(call, check=True)\n";
  await Deno.writeTextFile(test, says);
  const addresses: readonly [options: string, address: RegExp][] = [
    ["--host ::1", /^\[::1\]:\d+$/m],
    ["--host ::", /^\[::1\]:\d+$/m],
    ["--host 0.0.0.0 --unix s.sock", /^127\.0\.0\.1:\d+$/m],
  ];
  for (const [options, address] of addresses) {
    const { code, said } = await pytest(installed, "-s", ...withOptions(options), test);
    assert.equal(code, 0, said);
    assert.match(said, address);
  }
  const refused: readonly [options: string, why: RegExp][] = [
    ["--dely 2s", /^usersvc: it has not started: usersvc serve: .*--dely/m],
    ["--log text", /^usersvc: --log cannot be among the options of the fixture/m],
    ["--log=json", /^usersvc: --log cannot be among the options of the fixture/m],
  ];
  for (const [options, why] of refused) {
    const { code, said } = await pytest(installed, ...withOptions(options), test);
    assert.equal(code, 1);
    assert.match(said, why);
    assert.doesNotMatch(said, /Traceback|During handling/);
  }
}

async function checkDeath(installed: Installed): Promise<void> {
  const { code, said } = await pytest(installed, `${cases}test_death.py`);
  assert.equal(code, 1);
  const cause = "usersvc serve has ended during the session, by SIGKILL";
  assert.match(said, new RegExp(`^-+ usersvc -+\n${cause}$`, "m"));
  assert.match(said, new RegExp(`^usersvc: ${cause}$`, "m"));
  assert.match(said, /^1 failed, 2 errors in /m);
}

/** A server takes longer to start than a signal takes to come. */
async function checkSigint(installed: Installed): Promise<void> {
  for (let time = 1; time <= 6; time += 1) {
    const child = spawn(pytestOf(installed), [`${installed.empty}/test_one.py`]);
    const output = child.output();
    await until("a server", async () => (await childrenOf(child.pid)).length > 0);
    sendSignal(child.pid, "SIGINT");
    const { code, stdout } = await output;
    assert.equal(code, 2, new TextDecoder().decode(stdout));
    assert.deepEqual(await left(installed), []);
  }
}

/** A call in flight at the end of the session is answered, for the server drains. */
const OPTIONS = `
import subprocess, sys, time
import pytest

@pytest.fixture(scope="session")
def in_flight():
    calls = []
    yield calls
    said = calls[0].communicate()[0]
    print("stopped, 1 call,", "OK" if "Bob" in said else "lost")

def test_ends_with_a_call_in_flight(in_flight, usersvc):
    line = [sys.executable, "-m", "usersvc", "call", "Bob", "--address", usersvc.address]
    in_flight.append(subprocess.Popen(line, stdout=subprocess.PIPE, text=True))
    while usersvc._calls() != (1, 0):
        time.sleep(0.01)
`;
