/**
 * Other implementations of gRPC. Each function installs its program unless it is there, returns its
 * path, and throws an error that says what is missing where that cannot be.
 */
import { goPeer, npmPeer, pythonPeer } from "./install.ts";

/** A Python that has grpcio, grpcio-tools, grpcio-health-checking, and pytest with pytest-xdist. */
export const python: () => Promise<string> = pythonPeer(
  "python",
  [
    ...["grpcio==1.85.1", "grpcio-tools==1.85.1", "grpcio-health-checking==1.85.1"],
    ...["pytest==9.0.2", "pytest-xdist==3.8.0"],
  ],
  "python",
);

/** grpcurl, in Go. */
export const grpcurl: () => Promise<string> = goPeer(
  "grpcurl",
  "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4",
);

/** grpc-health-probe, in Go. */
export const healthProbe: () => Promise<string> = goPeer(
  "grpc-health-probe",
  "github.com/grpc-ecosystem/grpc-health-probe@v0.4.61",
);

const processor = Deno.build.arch === "x86_64" ? "x64" : Deno.build.arch;

/** buf for Linux, whose `buf curl` calls by gRPC, gRPC-Web and Connect, in Go. */
export const buf: () => Promise<string> = npmPeer(
  "buf",
  "@bufbuild/buf@1.75.0",
  `@bufbuild/buf-linux-${processor}/bin/buf`,
);
