import type { ServiceDefinition } from "@grpc/grpc-js";
import { fromJSON } from "@grpc/proto-loader";
import type protobuf from "protobufjs";
import { decoderOf, keptText } from "./decoding.ts";

/**
 * Makes the definition of a service as grpc-js takes it. `@grpc/proto-loader` makes it, but requests and
 * responses are decoded with {@linkcode decoderOf}: grpc-js answers INTERNAL where a decoder throws, as
 * grpc-go and grpcio do. Of the texts of a request {@linkcode keptText} is kept: a message of 4 MiB is
 * 4 KB compressed.
 *
 * @param name the full name of the service
 * @throws {Error} for requests that {@linkcode decoderOf} does not know
 */
export function serviceDefinition(root: protobuf.Root, name: string): ServiceDefinition {
  root.resolveAll();
  const { methods } = root.lookupService(name);
  // The options have to match those of tools/generate.ts, which makes the types.
  const loaded = fromJSON(root.toJSON(), { keepCase: true, defaults: true });
  const service = loaded[name] as ServiceDefinition;
  return Object.fromEntries(
    Object.entries(service).map(([key, method]) => {
      const { resolvedRequestType, resolvedResponseType } = methods[key]!;
      return [key, {
        ...method,
        requestDeserialize: decoderOf<object>(resolvedRequestType!, keptText),
        responseDeserialize: laterDecoderOf(resolvedResponseType!),
      }];
    }),
  );
}

/** Made with the first response: a server, which decodes none, has some that decoderOf does not know. */
function laterDecoderOf(type: protobuf.Type): (bytes: Uint8Array) => object {
  let decode: ((bytes: Uint8Array) => object) | undefined;
  return (bytes) => (decode ??= decoderOf<object>(type))(bytes);
}
