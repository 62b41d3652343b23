import type { Server } from "@grpc/grpc-js";
import { fromJSON } from "@grpc/proto-loader";
import { ReflectionService } from "@grpc/reflection";
import type { Contract } from "../contract.ts";
import { badRequestRoot } from "../error_details.ts";
import { withComments, withMapEntries } from "./descriptors.ts";
import { healthDefinition } from "./health.ts";

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
  new ReflectionService(definition).addToServer(server);
}
