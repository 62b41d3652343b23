/** A command loads what it needs, and nothing of the others: a call is a process of its own. */
import assert from "node:assert/strict";
import { makeBundle } from "../tools/bundle.ts";
import { mainModule, root } from "../tools/paths.ts";
import { ask } from "./support/http_client.ts";
import {
  posixTest,
  programTest,
  STARTED,
  Transcript,
  usersvc,
  withFolder,
} from "./support/program.ts";
import { closedPort } from "./support/tcp_peer.ts";

/** A module that a run has loaded, and its functions, as V8's coverage lists them. */
interface Loaded {
  readonly url: string;
  readonly functions: readonly {
    readonly functionName: string;
    readonly ranges: readonly [{ readonly count: number }];
  }[];
}

/** @param use what is done while it runs; it is asked to end after that, or ends by itself without it */
async function loadedBy(
  args: readonly string[],
  main = mainModule,
  use?: (stdout: Transcript) => Promise<unknown>,
): Promise<Loaded[]> {
  return await withFolder(async (folder) => {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", `--coverage=${folder}`, main, ...args],
      cwd: root,
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const stdout = new Transcript(child.stdout);
    if (use !== undefined) {
      await use(stdout);
      child.kill("SIGTERM");
    }
    await child.status;
    await stdout.all();
    const loaded: Loaded[] = [];
    for await (const { name } of Deno.readDir(folder)) {
      if (name.endsWith(".json")) {
        loaded.push(JSON.parse(await Deno.readTextFile(`${folder}/${name}`)));
      }
    }
    return loaded;
  });
}

/** Asserts that a run loads some modules, which shows that it went far enough, and others not. */
async function assertLoads(args: readonly string[], some: RegExp, others: RegExp): Promise<void> {
  const urls = (await loadedBy(args)).map(({ url }) => url);
  assert.ok(urls.some((url) => some.test(url)), `${some} in ${urls.join("\n")}`);
  assert.deepEqual(urls.filter((url) => others.test(url)), []);
}

programTest("a call loads nothing of serve, check, batches, TLS or telemetry", async () => {
  await assertLoads(
    ["call", "Alice", "--address", `127.0.0.1:${await closedPort()}`],
    /\/src\/client\/diagnosis\.ts$/,
    new RegExp(
      "/src/(server|processes|telemetry|batch|wire)/|/src/commands/(serve|check|completions)\\.ts|" +
        "/src/client/(tls_options|trace|health_client)\\.ts|" +
        "/src/contract/(health_contract|error_detail_types)\\.ts|" +
        "/(@grpc/reflection|grpc-health-check|prom-client|cli-progress|hdr-histogram-js|leven)/",
    ),
  );
});

programTest("a check loads nothing of the service that it does not call", async () => {
  await assertLoads(
    ["check", "--address", `127.0.0.1:${await closedPort()}`],
    /\/src\/client\/health_client\.ts$/,
    /\/src\/(server|processes|telemetry|batch|wire)\/|\/src\/contract\/contract\.ts|\/@grpc\/proto-loader\//,
  );
});

programTest("what makes no call loads no gRPC", async () => {
  const helps = ["call", "serve", "check", "gauntlet", "schema"].map((name) => [name, "--help"]);
  for (const args of [["proto"], ["--help"], ...helps, ["completions", "bash"]]) {
    await assertLoads(args, /\/src\/main\.ts$/, /\/@grpc\/|\/protobufjs\//);
  }
});

posixTest("a server loads what is not gRPC with the first of it", async () => {
  const serving = (use: (port: number) => Promise<unknown>) =>
    loadedBy(["serve", "--port", "0"], mainModule, async (stdout) => {
      const [, port] = await stdout.until(STARTED);
      await use(Number(port));
    });
  const ofHttp = (loaded: readonly Loaded[]) =>
    loaded.map(({ url }) => url).filter((url) => /\/@connectrpc\/|\/http_side\.ts/.test(url));
  const byGrpc = await serving((port) => usersvc(["call", "Alice", "--port", String(port)]));
  assert.ok(byGrpc.some(({ url }) => url.endsWith("/grpc_call.ts")));
  assert.deepEqual(ofHttp(byGrpc), []);
  const described = byGrpc.filter(({ url }) => /\/(?:describe|error_details_proto)\.ts$/.test(url))
    .flatMap(({ functions }) => functions)
    .filter(({ functionName, ranges: [{ count }] }) => /^describe/.test(functionName) && count > 0);
  assert.deepEqual(described, [], "descriptors are made with the first question of reflection");
  assert.notDeepEqual(
    ofHttp(await serving((port) => ask({ port, version: 2 }, { path: "/healthz" }))),
    [],
  );
});

programTest("from the bundle, a call makes no descriptors", async () => {
  await withFolder(async (folder) => {
    await makeBundle(folder);
    const address = `127.0.0.1:${await closedPort()}`;
    const loaded = await loadedBy(["call", "Alice", "--address", address], `${folder}/main.js`);
    const called = loaded.flatMap(({ functions }) => functions)
      .filter(({ ranges: [{ count }] }) => count > 0)
      .map(({ functionName }) => functionName);
    assert.ok(called.includes("createMessageDefinition"), "proto-loader has read the contract");
    assert.ok(called.some((name) => /^protobufjs\/.*\/src\/root\.js$/.test(name)));
    assert.deepEqual(called.filter((name) => /ext\/descriptor|toDescriptor/.test(name)), []);
  });
});

programTest("a server loads the reader of answers where it has a file of them alone", async () => {
  const missing = ["--answers", `${root}no-such-file.json`];
  await assertLoads(["serve", ...missing], /\/src\/server\/faults\/answers\.ts$/, /^$/);
  // It ends where its port is taken, which it finds out after it has loaded all that it needs.
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await assertLoads(
    ["serve", "--host", "127.0.0.1", "--port", `${taken.addr.port}`, "--delay", "1ms"],
    /\/src\/server\/call\/get_user\.ts$/,
    /\/(valibot|pure-rand|to-json-schema)\/|\/error_detail_types\.ts$|\/src\/server\/faults\/(?!faults|plan)/,
  );
  // The cases of the gauntlet come with the first call that asks for one.
  await assertLoads(
    ["serve", "--host", "127.0.0.1", "--port", `${taken.addr.port}`, "--faults-by-metadata"],
    /\/src\/server\/faults\/fault_metadata\.ts$/,
    /\/src\/(gauntlet|wire)\//,
  );
});
