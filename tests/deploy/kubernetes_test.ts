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

type Labels = Record<string, string>;
interface Port {
  readonly name: string;
  readonly containerPort: number;
}
interface Probe {
  readonly grpc: { readonly port: number; readonly service?: string };
}
interface Container {
  readonly image: string;
  readonly args: readonly string[];
  readonly env: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: unknown;
  }[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  readonly ports: readonly Port[];
  readonly startupProbe: Probe;
  readonly readinessProbe: Probe;
  readonly livenessProbe: Probe;
  readonly lifecycle: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
  readonly resources: { readonly limits: { readonly memory: string } };
}
interface Deployment {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly selector: { readonly matchLabels: Labels };
    readonly template: {
      readonly metadata: { readonly labels: Labels; readonly annotations: Labels };
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly containers: readonly [Container];
        readonly volumes: readonly { readonly name: string; readonly emptyDir: object }[];
      };
    };
  };
}
interface Service {
  readonly spec: {
    readonly clusterIP?: string;
    readonly selector: Labels;
    readonly ports: readonly { readonly targetPort: string; readonly port: number }[];
  };
}

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
async function objects(): Promise<Map<string, unknown>> {
  const { python } = await kubernetesValidate();
  const toJson =
    "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))";
  const byName = new Map<string, unknown>();
  await withManifests(async (file) => {
    const { stdout, stderr } = await runProgram(python, ["-c", toJson, file]);
    assert.equal(stderr, "");
    for (const object of JSON.parse(stdout)) {
      byName.set(`${object.kind}/${object.metadata.name}`, object);
    }
  });
  return byName;
}

async function deployment(): Promise<{ deployment: Deployment; container: Container }> {
  const deployment = (await objects()).get("Deployment/usersvc") as Deployment;
  return { deployment, container: deployment.spec.template.spec.containers[0] };
}

/** The value of a flag that the container gets. */
function flag(container: Container, name: string): string {
  const prefix = `--${name}=`;
  const found = container.args.find((arg) => arg.startsWith(prefix));
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
  const { labels } = spec.template.metadata;
  const policy = all.get("NetworkPolicy/usersvc") as {
    spec: {
      podSelector: { matchLabels: Labels };
      ingress: { ports: { port: string }[] }[];
    };
  };
  const budget = all.get("PodDisruptionBudget/usersvc") as Deployment;
  const services = ["usersvc", "usersvc-headless"].map((name) =>
    all.get(`Service/${name}`) as Service
  );
  for (
    const selector of [
      spec.selector.matchLabels,
      budget.spec.selector.matchLabels,
      policy.spec.podSelector.matchLabels,
      ...services.map((service) => service.spec.selector),
    ]
  ) {
    assert.deepEqual(selector, labels);
  }
  assert.deepEqual(services.map((service) => service.spec.clusterIP), [undefined, "None"]);
  const ports = container.ports.map(({ name }) => name);
  const used = [
    ...services.flatMap((service) => service.spec.ports.map(({ targetPort }) => targetPort)),
    ...policy.spec.ingress.flatMap((rule) => rule.ports.map(({ port }) => port)),
  ];
  assert.deepEqual(new Set(used), new Set(ports));
  const autoscaler = all.get("HorizontalPodAutoscaler/usersvc") as {
    spec: { scaleTargetRef: { kind: string; name: string } };
  };
  assert.equal(autoscaler.spec.scaleTargetRef.kind, "Deployment");
  assert.equal(autoscaler.spec.scaleTargetRef.name, metadata.name);
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
  const instance = container.env.find(({ name }) => name === "USERSVC_INSTANCE");
  assert.deepEqual(instance?.valueFrom, { fieldRef: { fieldPath: "metadata.name" } });
});

linuxTest("temporary files have a place in the read-only root file system", async () => {
  const { deployment: { spec }, container } = await deployment();
  const folder = container.env.find(({ name }) => name === "TMPDIR")?.value;
  const mount = container.volumeMounts.find(({ mountPath }) => mountPath === folder);
  assert.ok(mount, `${folder}`);
  assert.ok(
    spec.template.spec.volumes.some(({ name, emptyDir }) => name === mount.name && emptyDir),
  );
});

linuxTest(
  "the server takes the container's arguments and listens where its probes ask",
  async () => {
    const { deployment: { spec }, container } = await deployment();
    const ports = new Map(container.ports.map(({ name, containerPort }) => [name, containerPort]));
    for (const probe of ["startupProbe", "readinessProbe", "livenessProbe"] as const) {
      assert.equal(container[probe].grpc.port, ports.get("grpc"), probe);
    }
    assert.equal(container.readinessProbe.grpc.service, "userservice.UserService");
    assert.equal(flag(container, "port"), `${ports.get("grpc")}`);
    assert.equal(flag(container, "metrics-port"), `${ports.get("metrics")}`);
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
