/** Other implementations of gRPC: Python's grpcio, Go's grpcurl and grpc-health-probe. */
import { folder, goPeer, installOnce, type Peer, run } from "../peers.ts";

const windows = Deno.build.os === "windows";

const venv = `${folder}python`;
// Python's installer for Windows makes no python3.
const systemPython = windows ? "python" : "python3";

const pythonPeer: Peer = {
  packages: ["grpcio==1.85.1", "grpcio-tools==1.85.1", "grpcio-health-checking==1.85.1"],
  stamp: `${folder}python.installed`,
  executable: `${venv}${windows ? "/Scripts/python.exe" : "/bin/python"}`,
  async install() {
    await run(systemPython, ["-m", "venv", "--clear", venv], {
      missing:
        "the Python client and server need it; install Python 3.10 or later with its venv module",
    });
    await run(this.executable, [
      ...["-m", "pip", "install", "--quiet", "--disable-pip-version-check"],
      // grpcio's sources take many minutes and a C++ compiler: better to fail at once.
      ...["--only-binary=:all:", ...this.packages],
    ]);
  },
};

/**
 * Installs grpcio, grpcio-tools and grpcio-health-checking unless they are there.
 *
 * @returns the path of the Python that has them
 * @throws {Error} if they cannot be installed; the message says what is missing
 */
export const python: () => Promise<string> = installOnce(pythonPeer);

/**
 * Installs grpcurl unless it is there.
 *
 * @returns its path
 * @throws {Error} if it cannot be installed; the message says what is missing
 */
export const grpcurl: () => Promise<string> = installOnce(
  goPeer("grpcurl", "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4"),
);

/**
 * Installs grpc-health-probe unless it is there.
 *
 * @returns its path
 * @throws {Error} if it cannot be installed; the message says what is missing
 */
export const healthProbe: () => Promise<string> = installOnce(
  goPeer("grpc-health-probe", "github.com/grpc-ecosystem/grpc-health-probe@v0.4.61"),
);
