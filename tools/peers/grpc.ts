/** Other implementations of gRPC: Python's grpcio, Go's grpcurl and grpc-health-probe. */
import { goPeer, installOnce, pythonPeer } from "./install.ts";

/**
 * Installs grpcio, grpcio-tools, grpcio-health-checking and pytest with pytest-xdist unless they are there.
 *
 * @returns the path of the Python that has them
 * @throws {Error} if they cannot be installed; the message says what is missing
 */
export const python: () => Promise<string> = installOnce(
  pythonPeer(
    "python",
    [
      ...["grpcio==1.85.1", "grpcio-tools==1.85.1", "grpcio-health-checking==1.85.1"],
      ...["pytest==9.0.2", "pytest-xdist==3.8.0"],
    ],
    "python",
  ),
);

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
