/** The manifests of deploy/kubernetes/: valid for Kubernetes, and agreeing with each other. */
import assert from "node:assert/strict";
import { DURATION, WORKER_MEMORY } from "../../src/commands/value_ranges.ts";
import config from "../../deno.json" with { type: "json" };
import { FLUSH_MS } from "../../src/processes/lifecycle.ts";
import { root } from "../../tools/paths.ts";
import { linuxTest, runProgram, startUsersvc } from "../support/program.ts";
import { kubernetesValidate, kustomize } from "./linters.ts";

/** The newest version that kubernetes-validate knows, and the first with preStop's `sleep`. */
const KUBERNETES = ["1.37", "1.30"];

/** What is read of the manifests; what is not there fails the test that looks for it. */
// deno-lint-ignore no-explicit-any
type Yaml = any;

async function build(): Promise<string> {
  const built = await runProgram(await kustomize(), ["build", `${root}deploy/kubernetes`]);
  assert.equal(built.code, 0, built.stderr);
  return built.stdout;
}

async function withManifests(use: (file: string) => Promise<void>): Promise<void> {
  const file = await Deno.makeTempFile({ prefix: "usersvc-manifests-", suffix: ".yaml" });
  try {
    await Deno.writeTextFile(file, await build());
    await use(file);
  } finally {
    await Deno.remove(file);
  }
}

/** What kustomize makes, by kind and name: `Service/usersvc`. */
async function objects(): Promise<Record<string, Yaml>> {
  const { python } = await kubernetesValidate();
  const toJson =
    "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))";
  let byName = {};
  await withManifests(async (file) => {
    const { stdout, stderr } = await runProgram(python, ["-c", toJson, file]);
    assert.equal(stderr, "");
    byName = Object.fromEntries(
      JSON.parse(stdout).map((one: Yaml) => [`${one.kind}/${one.metadata.name}`, one]),
    );
  });
  return byName;
}

async function deployment(): Promise<{ deployment: Yaml; container: Yaml }> {
  const deployment = (await objects())["Deployment/usersvc"];
  return { deployment, container: deployment.spec.template.spec.containers[0] };
}

/** The one of a list that has a name. */
const named = (list: readonly Yaml[], name: string): Yaml => list.find((one) => one.name === name);

/** The value of a flag that the container gets. */
function flag(container: Yaml, name: string): string {
  const prefix = `--${name}=`;
  const found = container.args.find((arg: string) => arg.startsWith(prefix));
  assert.ok(found, `${prefix} is missing`);
  return found.slice(prefix.length);
}

linuxTest("the schemas of Kubernetes accept the manifests", async () => {
  const { program } = await kubernetesValidate();
  await withManifests(async (file) => {
    for (const release of KUBERNETES) {
      const { code, stdout } = await runProgram(program, ["--strict", "-k", release, file]);
      assert.equal(code, 0, stdout);
      assert.equal(stdout.match(/ passed for /g)?.length, 6, stdout);
    }
  });
});

linuxTest("the schemas of Kubernetes refuse a misspelt field", async () => {
  const { program } = await kubernetesValidate();
  await withManifests(async (file) => {
    const text = await Deno.readTextFile(file);
    await Deno.writeTextFile(file, text.replace("maxUnavailable", "maxUnavailible"));
    const { code, stdout } = await runProgram(program, ["--strict", "-k", KUBERNETES[0]!, file]);
    assert.notEqual(code, 0);
    assert.match(stdout, /maxUnavailible/);
  });
});

linuxTest("every selector matches the pods, every target is there", async () => {
  const all = await objects();
  const { deployment: { metadata, spec }, container } = await deployment();
  const policy = all["NetworkPolicy/usersvc"].spec;
  const services = ["usersvc", "usersvc-headless"].map((name) => all[`Service/${name}`].spec);
  for (
    const selector of [
      spec.selector.matchLabels,
      all["PodDisruptionBudget/usersvc"].spec.selector.matchLabels,
      policy.podSelector.matchLabels,
      ...services.map((service) => service.selector),
    ]
  ) {
    assert.deepEqual(selector, spec.template.metadata.labels);
  }
  assert.deepEqual(services.map((service) => service.clusterIP), [undefined, "None"]);
  const used = [
    ...services.flatMap((service) => service.ports.map((port: Yaml) => port.targetPort)),
    ...policy.ingress.flatMap((rule: Yaml) => rule.ports.map(({ port }: Yaml) => port)),
  ];
  assert.deepEqual(new Set(used), new Set(container.ports.map((port: Yaml) => port.name)));
  const { kind, name } = all["HorizontalPodAutoscaler/usersvc"].spec.scaleTargetRef;
  assert.deepEqual([kind, name], ["Deployment", metadata.name]);
});

linuxTest("a pod ends after its drain, and is not killed for the memory it may have", async () => {
  const { deployment: { spec }, container } = await deployment();
  const drainMs = DURATION.parse(flag(container, "grace"))! + FLUSH_MS;
  const sleepMs = container.lifecycle.preStop.sleep.seconds * 1_000;
  assert.ok(spec.template.spec.terminationGracePeriodSeconds * 1_000 > sleepMs + drainMs);

  // While a worker is replaced, there is one more; the supervisor takes part of the rest.
  const workers = Number(flag(container, "workers")) + 1;
  const supervisor = 100_000_000;
  const limit = /^(\d+)Gi$/.exec(container.resources.limits.memory)!;
  assert.ok(
    Number(limit[1]) * 1024 ** 3 >=
      workers * WORKER_MEMORY.parse(flag(container, "worker-memory"))! + supervisor,
  );
});

linuxTest("each pod says its name with its answers", async () => {
  const { container } = await deployment();
  const { valueFrom } = named(container.env, "USERSVC_INSTANCE");
  assert.deepEqual(valueFrom, { fieldRef: { fieldPath: "metadata.name" } });
});

linuxTest("temporary files have a place in the read-only root file system", async () => {
  const { deployment: { spec }, container } = await deployment();
  const folder = named(container.env, "TMPDIR").value;
  const mount = container.volumeMounts.find(({ mountPath }: Yaml) => mountPath === folder);
  assert.ok(mount, folder);
  assert.ok(named(spec.template.spec.volumes, mount.name).emptyDir);
});

linuxTest(
  "the server takes the container's arguments and listens where its probes ask",
  async () => {
    const { deployment: { spec }, container } = await deployment();
    const grpcPort = named(container.ports, "grpc").containerPort;
    for (const probe of ["startupProbe", "readinessProbe", "livenessProbe"]) {
      assert.equal(container[probe].grpc.port, grpcPort, probe);
    }
    assert.equal(container.readinessProbe.grpc.service, "userservice.UserService");
    assert.equal(flag(container, "port"), `${grpcPort}`);
    const metricsPort = named(container.ports, "metrics").containerPort;
    assert.equal(flag(container, "metrics-port"), `${metricsPort}`);
    assert.equal(
      spec.template.metadata.annotations["prometheus.io/port"],
      flag(container, "metrics-port"),
    );
    assert.equal(container.image, `usersvc:${config.version}`);

    const [command, ...args] = container.args;
    assert.equal(command, "serve");
    // Free ports: the test's machine may use those of the container.
    const server = startUsersvc(["serve", ...args, "--port", "0", "--metrics-port", "0"]);
    await server.stdout.until(/"event":"listening"/);
    await server.stdout.until(/"event":"metrics_listening"/);
    server.kill("SIGTERM");
    const { code, stdout, stderr } = await server.ended();
    assert.equal(code, 0, stdout);
    assert.equal(stderr, "");
  },
);
