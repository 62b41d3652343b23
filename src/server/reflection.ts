import type { Server, ServerDuplexStream, ServiceDefinition } from "@grpc/grpc-js";
import { ReflectionV1Implementation } from "@grpc/reflection/build/src/implementations/reflection-v1.js";
import reflectionProto from "@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto" with {
  type: "text",
};
import protobuf from "protobufjs";
import type { Contract } from "../contract/contract.ts";
import { fileDescriptors } from "../contract/descriptors.ts";
import { describeErrorDetails } from "../contract/error_details_proto.ts";
import { serviceDefinition } from "../contract/service_definition.ts";

const PACKAGE = /^package grpc\.reflection\.v1;$/m;

/** The packages of the service; but for their names they are the same. */
const PACKAGES = ["grpc.reflection.v1", "grpc.reflection.v1alpha"] as const;

type Described = ConstructorParameters<typeof ReflectionV1Implementation>[0];
type Request = Parameters<ReflectionV1Implementation["handleServerReflectionRequest"]>[0];
type Response = ReturnType<ReflectionV1Implementation["handleServerReflectionRequest"]>;

/**
 * Adds server reflection, v1 and v1alpha, for the contract, the health service, and google.rpc's
 * error_details.proto: a file of answers can send all of its types. The descriptors are made with the
 * first question.
 *
 * Its contract is embedded: the package's own way to add itself reads it from disk.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/server-reflection.md
 */
export function addReflection(server: Server, contract: Contract): void {
  let made: ReflectionV1Implementation | undefined;
  const described = () => made ??= new ReflectionV1Implementation(describedBy(contract));
  for (const name of PACKAGES) {
    server.addService(reflectionDefinition(name), {
      ServerReflectionInfo: (stream: ServerDuplexStream<Request, Response>) => {
        stream.on("end", () => stream.end());
        stream.on("data", (request: Request) => {
          stream.write(described().handleServerReflectionRequest(request));
        });
      },
    });
  }
}

function describedBy(contract: Contract): Described {
  const { file, imported } = describeErrorDetails();
  const files = { fileDescriptorProtos: [...fileDescriptors(contract), imported, file] };
  return { files } as unknown as Described;
}

/** One of the services. Its messages have names in camel case, as @grpc/reflection reads them. */
function reflectionDefinition(packageName: string): ServiceDefinition {
  const { root } = protobuf.parse(reflectionProto.replace(PACKAGE, `package ${packageName};`));
  return serviceDefinition(root, `${packageName}.ServerReflection`);
}
