/** Services of grpc-js, made at run time from descriptors that protoc, buf or Go have written. */
import {
  createFileRegistry,
  type DescMethod,
  type DescService,
  type FileRegistry,
  fromBinary,
  type Message,
  toBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import {
  Metadata,
  type MethodDefinition,
  type ServerDuplexStream,
  type ServiceDefinition,
} from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";

/** Reads a file of a `google.protobuf.FileDescriptorSet`. */
export function readDescriptors(path: string): FileRegistry {
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(path)));
}

/** A service as grpc-js wants it; its methods have the names of the contract. */
export function serviceDefinition(service: DescService): ServiceDefinition {
  return Object.fromEntries(service.methods.map((method) => [method.name, definitionOf(method)]));
}

/** A method as grpc-js wants it. */
export function definitionOf(
  { name, parent, input, output, methodKind }: DescMethod,
): MethodDefinition<Message, Message> {
  return {
    path: `/${parent.typeName}/${name}`,
    requestStream: methodKind === "client_streaming" || methodKind === "bidi_streaming",
    responseStream: methodKind === "server_streaming" || methodKind === "bidi_streaming",
    requestSerialize: (message) => Buffer.from(toBinary(input, message)),
    requestDeserialize: (bytes) => fromBinary(input, bytes),
    responseSerialize: (message) => Buffer.from(toBinary(output, message)),
    responseDeserialize: (bytes) => fromBinary(output, bytes),
  };
}

/** The requests of a call; to leave a loop over them, or to come to its end, does not end the call. */
export function requestsOf<T>(call: ServerDuplexStream<T, Message>): AsyncIterable<T> {
  return call.iterator({ destroyOnReturn: false });
}

/** A name and its values, of which those of `-bin` are written in base64. */
export interface Header {
  readonly name: string;
  readonly value: readonly string[];
}

/** Metadata of what is written as the suite of conformance writes it. */
export function metadataOf(headers: readonly Header[] = []): Metadata {
  const metadata = new Metadata();
  for (const { name, value } of headers) {
    const binary = name.toLowerCase().endsWith("-bin");
    for (const one of value) metadata.add(name, binary ? Buffer.from(one, "base64") : one);
  }
  return metadata;
}

/** The other way round. */
export function headersOf(metadata: Metadata | undefined): Header[] {
  return Object.entries(metadata?.toHttp2Headers() ?? {}).map(([name, values]) => ({
    name,
    value: [values].flat().map(String),
  }));
}

/**
 * Has binary metadata written without padding, which the suite wants of every error with details;
 * grpc-js writes it with padding, and the suite would see nothing else.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, "Binary-Header"
 */
export function leavePaddingOut(): void {
  const { prototype } = Metadata;
  const { toHttp2Headers } = prototype;
  prototype.toHttp2Headers = function () {
    const headers = toHttp2Headers.call(this);
    for (const [name, values] of Object.entries(headers)) {
      if (!name.endsWith("-bin")) continue;
      headers[name] = [values].flat().map((value) => String(value).replace(/=+$/, ""));
    }
    return headers;
  };
}
