/** The plugin of pytest that the package for PyPI brings, and its server for tests. */
import assert from "node:assert/strict";
import { kill as sendSignal } from "node:process";
import { root } from "../../tools/paths.ts";
import { linuxTest } from "../support/program.ts";
import { until } from "../support/waits.ts";
import {
  checkNoneLeft,
  childrenOf,
  type Installed,
  installWheel,
  makeFolders,
  python,
  removeFolders,
  run,
  serversOf,
  spawn,
  writeExample,
} from "./installed.ts";

/** What the documentation's test needs, and what checks its types. */
const TOOLS = [
  ...["pytest==9.2.0", "pytest-xdist==3.8.0", "grpcio==1.85.1", "grpcio-tools==1.85.1"],
  ...["mypy==2.4.1", "types-grpcio==1.85.0.20261028"],
];

linuxTest("the plugin of pytest", async (test) => {
  const folders = await makeFolders();
  const installed: Installed = { ...folders, program: [`${folders.folder}/bin/usersvc`] };
  try {
    await installWheel(folders, ...TOOLS);
    const steps: readonly [string, (installed: Installed) => Promise<void>][] = [
      ["runs the documented test, which is clean for mypy --strict", checkExample],
      ["drains its server at the end of the session", checkDrain],
      ["has the records of the running test", checkRecords],
      ["starts further servers, stops, starts and reloads them", checkServers],
      ["shows the records of the servers of a test that fails", checkReport],
      ["takes options, or says at once why not", checkOptions],
      ["names a server that dies as the cause", checkDeath],
      ["leaves nothing running if it is interrupted at the start", checkSigint],
      ["leaves nothing running however pytest ends", checkEnds],
    ];
    for (const [name, check] of steps) await test.step(name, () => check(installed));
  } finally {
    await removeFolders(folders);
  }
});

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

async function checkExample(installed: Installed): Promise<void> {
  const loads = "import sys, usersvc.pytest_plugin; print({'grpc', 'xdist'} & set(sys.modules))";
  assert.equal(await python(installed, loads), "set()");
  const name = "test_client.py";
  await writeExample(installed, name);
  const mypy = { ...installed, program: [`${installed.folder}/bin/mypy`, "--strict"] as const };
  const types = await run(mypy, "-m", "test_client", "-p", "usersvc");
  assert.equal(types.code, 0, types.stdout + types.stderr);
  const [alone, parallel] = [await pytest(installed), await pytest(installed, "-n", "2")];
  for (const { code, said } of [alone, parallel]) {
    assert.equal(code, 0, said);
    assert.match(said, /^5 passed in /m);
  }
  assert.match(parallel.said, /bringing up nodes/);
}

async function checkDrain(installed: Installed): Promise<void> {
  const { empty } = installed;
  await Deno.writeTextFile(`${empty}/test_client.py`, OPTIONS);
  await Deno.writeTextFile(`${empty}/pytest.ini`, "[pytest]\nusersvc_options = --delay 2s\n");
  const delayed = await pytest(installed, "-s");
  assert.equal(delayed.code, 0, delayed.said);
  assert.match(delayed.said, /stopped, 1 call, OK/);
  assert.deepEqual(await serversOf(installed), []);
}

const cases = `${root}tests/packages/pytest/`;
const withOptions = (options: string) => ["-o", `usersvc_options=${options}`];

async function checkRecords(installed: Installed): Promise<void> {
  for (const options of ["", "--workers 2"]) {
    const args = withOptions(`--faults-by-metadata ${options}`);
    const { code, said } = await pytest(installed, ...args, `${cases}test_records.py`);
    assert.equal(code, 0, said);
  }
}

async function checkServers(installed: Installed): Promise<void> {
  const { code, said } = await pytest(installed, `${cases}test_servers.py`);
  assert.equal(code, 0, said);
  assert.deepEqual(await serversOf(installed), []);
}

async function checkReport(installed: Installed): Promise<void> {
  const { code, said } = await pytest(installed, `${cases}test_report.py`);
  assert.equal(code, 1, said);
  const sections = said.split(/^-+ usersvc 127\.0\.0\.1:\d+ -+$/m).slice(1);
  assert.equal(sections.length, 3, said);
  const [shared, blue, many] = sections as [string, string, string];
  assert.match(shared, /^\{.*"username": "Bob".*\}$/m);
  assert.doesNotMatch(shared, /Earlier/);
  assert.match(blue, /^\{.*"username": "Alice".*\}$/m);
  assert.match(many, /^\(10 records before these\)\n(\{.*\}\n){20}/m);
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
  assert.match(said, new RegExp(`^-+ usersvc [\\d.:]+ -+\n(\{.*\n)*${cause}$`, "m"));
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
    assert.deepEqual(await serversOf(installed), []);
  }
}

/** How pytest ends while a server serves: its own way, or by a signal. */
const ENDS: readonly (readonly [how: string, signal?: Deno.Signal, workers?: string])[] = [
  ...[["SIGTERM", "SIGTERM"], ["SIGKILL", "SIGKILL"]] as const,
  ...[["SIGKILL, with workers", "SIGKILL", "2"], ["os._exit"], ["os.abort"]] as const,
];

async function checkEnds(installed: Installed): Promise<void> {
  for (const [how, signal, workers = "0"] of ENDS) {
    const ready = `${installed.env.HOME}/ready`;
    const pytest = pytestOf({ ...installed, env: { ...installed.env, READY: ready, HOW: how } });
    const runner = spawn(pytest, ["-n", workers, `${cases}test_end.py`]);
    const output = runner.output();
    if (signal !== undefined) {
      await until("a server", () => Deno.stat(ready).then(() => true, () => false));
      assert.equal((await serversOf(installed)).length, 3);
      runner.kill(signal);
    }
    await runner.status;
    await checkNoneLeft(installed, how);
    await output;
    await Deno.remove(ready);
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
