/** A client of server reflection. */
import { credentials, loadPackageDefinition, type ServiceClientConstructor } from "@grpc/grpc-js";
import { fromJSON } from "@grpc/proto-loader";
import reflectionProto from "@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto" with {
  type: "text",
};
import protobuf from "protobufjs";

interface Answer {
  readonly listServicesResponse: { readonly service: readonly { readonly name: string }[] };
}

/**
 * Asks a server on this machine which services it offers.
 *
 * @returns their full names, in alphabetical order
 * @throws {ServiceError} of grpc-js, if the server does not answer within 10 s
 */
export async function listServices(port: number): Promise<string[]> {
  const definition = fromJSON(protobuf.parse(reflectionProto).root.toJSON());
  const name = "grpc.reflection.v1.ServerReflection";
  const service = loadPackageDefinition({ [name]: definition[name]! });
  // deno-lint-ignore no-explicit-any
  const Client = (service as any).grpc.reflection.v1.ServerReflection as ServiceClientConstructor;
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const call = client.ServerReflectionInfo!({ deadline: Date.now() + 10_000 });
  try {
    return await new Promise((resolve, reject) => {
      call.on("error", reject);
      call.on(
        "data",
        ({ listServicesResponse }: Answer) =>
          resolve(listServicesResponse.service.map(({ name }) => name).toSorted()),
      );
      call.write({ listServices: "" });
      call.end();
    });
  } finally {
    client.close();
  }
}
