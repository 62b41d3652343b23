import type { Server } from "@grpc/grpc-js";
import { fromJSON, type ServiceDefinition } from "@grpc/proto-loader";
import { ReflectionService } from "@grpc/reflection";
import reflectionProto from "@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto" with {
  type: "text",
};
import protobuf from "protobufjs";
import type { Contract } from "../contract/contract.ts";
import { badRequestRoot } from "../contract/error_details.ts";
import { withComments, withMapEntries } from "./descriptors.ts";
import { withStrictRequests } from "../contract/decoding.ts";
import { healthDefinition } from "./health.ts";

const { root } = protobuf.parse(reflectionProto, { keepCase: true });
const service = root.lookupService("grpc.reflection.v1.ServerReflection");

/**
 * Adds server reflection, v1 and v1alpha, for the contract, the health service, and the details
 * that an error can carry.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/server-reflection.md
 */
export function addReflection(server: Server, contract: Contract): void {
  const definition = {
    ...withComments(contract.definition),
    ...withMapEntries(healthDefinition),
    ...fromJSON(badRequestRoot.toJSON()),
  };
  new ReflectionService(definition).addToServer({ addService: strictly(server) });
}

/** Adds services whose requests are decoded strictly; those of v1alpha are the same as of v1. */
function strictly(server: Server): Server["addService"] {
  return (definition, handlers) =>
    server.addService(withStrictRequests(definition as ServiceDefinition, service), handlers);
}
