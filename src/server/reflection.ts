import type { Server, ServerDuplexStream } from "@grpc/grpc-js";
import {
  type AnyDefinition,
  fromJSON,
  type MessageTypeDefinition,
  type PackageDefinition,
  type ServiceDefinition,
} from "@grpc/proto-loader";
import { ReflectionV1Implementation } from "@grpc/reflection/build/src/implementations/reflection-v1.js";
import reflectionProto from "@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto" with {
  type: "text",
};
import { Buffer } from "node:buffer";
import protobuf from "protobufjs";
import descriptor, { type IFileDescriptorProto } from "protobufjs/ext/descriptor/index.js";
import { type Contract, protoFile, protoText } from "../contract/contract.ts";
import { withStrictRequests } from "../contract/decoding.ts";
import { badRequestRoot } from "../contract/error_details.ts";
import { healthDefinition } from "./health_service.ts";

/** The numbers of the fields of descriptor.proto that lead to what a comment stands before. */
const FILE_MESSAGES = 4, FILE_SERVICES = 6, MESSAGE_FIELDS = 2, SERVICE_METHODS = 2;

const PACKAGE = /^package grpc\.reflection\.v1;$/m;

/** The packages of the service; but for their names they are the same. */
const PACKAGES = ["grpc.reflection.v1", "grpc.reflection.v1alpha"] as const;

/** With these, and names in camel case, the messages are as @grpc/reflection makes and reads them. */
const OPTIONS = { longs: String, enums: String, bytes: Array, defaults: true, oneofs: true };

type Request = Parameters<ReflectionV1Implementation["handleServerReflectionRequest"]>[0];
type Response = ReturnType<ReflectionV1Implementation["handleServerReflectionRequest"]>;

/**
 * Adds server reflection, v1 and v1alpha, for the contract, the health service, and the details
 * that an error can carry.
 *
 * Its contract is embedded: the package's own way to add itself reads it from disk.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/server-reflection.md
 */
export function addReflection(server: Server, contract: Contract): void {
  const described = new ReflectionV1Implementation({
    ...withComments(contract.definition),
    ...withMapEntries(healthDefinition),
    ...fromJSON(badRequestRoot.toJSON()),
  });
  for (const name of PACKAGES) {
    server.addService(reflectionDefinition(name), {
      ServerReflectionInfo: (stream: ServerDuplexStream<Request, Response>) => {
        stream.on("end", () => stream.end());
        stream.on("data", (request: Request) => {
          stream.write(described.handleServerReflectionRequest(request));
        });
      },
    });
  }
}

/** One of the services, whose requests are decoded strictly. */
function reflectionDefinition(packageName: string): ServiceDefinition {
  const { root } = protobuf.parse(reflectionProto.replace(PACKAGE, `package ${packageName};`));
  const name = `${packageName}.ServerReflection`;
  const definition = fromJSON(root.toJSON(), OPTIONS)[name] as ServiceDefinition;
  return withStrictRequests(definition, root.lookupService(name));
}

/** Adds to the contract's descriptors what proto-loader leaves out: the file's name, comments. */
function withComments(definition: PackageDefinition): PackageDefinition {
  const { root } = protobuf.parse(protoText, { keepCase: true, alternateCommentMode: true });
  return withFiles(definition, (file) => {
    file.name = protoFile;
    file.sourceCodeInfo = { location: locations(file, root) };
  });
}

/**
 * Gives the entry types of map fields the names that the specification demands, `StatusesEntry`;
 * protobufjs calls them `Statuses`, and clients refuse the whole file.
 *
 * @see https://protobuf.dev/programming-guides/proto3/#backwards
 */
function withMapEntries(definition: PackageDefinition): PackageDefinition {
  return withFiles(definition, (file) => {
    for (const message of file.messageType ?? []) {
      for (const entry of message.nestedType ?? []) {
        if (!entry.options?.mapEntry) continue;
        const field = message.field?.find(({ typeName }) => typeName === entry.name);
        entry.name += "Entry";
        if (field) field.typeName = entry.name!;
      }
    }
  });
}

function withFiles(
  definition: PackageDefinition,
  change: (file: IFileDescriptorProto) => void,
): PackageDefinition {
  const changed = (bytes: Buffer): Buffer => {
    const file = descriptor.FileDescriptorProto.decode(bytes) as IFileDescriptorProto;
    change(file);
    return Buffer.from(descriptor.FileDescriptorProto.encode(file).finish());
  };
  const entries = Object.entries(definition).map(([name, entry]) => [
    name,
    isType(entry)
      ? { ...entry, fileDescriptorProtos: entry.fileDescriptorProtos.map(changed) }
      : entry,
  ]);
  return Object.fromEntries(entries) as PackageDefinition;
}

function isType(entry: AnyDefinition): entry is MessageTypeDefinition<object, object> {
  return "format" in entry;
}

/** A comment of a file and what it stands before, as descriptor.proto wants it. */
interface Location {
  path: number[];
  span: number[];
  leadingComments: string;
}

/** @see https://github.com/protocolbuffers/protobuf/blob/main/src/google/protobuf/descriptor.proto */
function locations(file: IFileDescriptorProto, root: protobuf.Root): Location[] {
  const found: Location[] = [];
  const add = (path: number[], { comment }: protobuf.ReflectionObject) => {
    if (!comment) return;
    const leadingComments = comment.split("\n").map((line) => ` ${line}`.trimEnd() + "\n").join("");
    found.push({ path, span: [0, 0, 0], leadingComments });
  };
  for (const [i, { name, field }] of (file.messageType ?? []).entries()) {
    const type = root.lookupType(`${file.package}.${name}`);
    add([FILE_MESSAGES, i], type);
    for (const [j, { name }] of (field ?? []).entries()) {
      add([FILE_MESSAGES, i, MESSAGE_FIELDS, j], type.fields[name!]!);
    }
  }
  for (const [i, { name, method }] of (file.service ?? []).entries()) {
    const service = root.lookupService(`${file.package}.${name}`);
    add([FILE_SERVICES, i], service);
    for (const [j, { name }] of (method ?? []).entries()) {
      add([FILE_SERVICES, i, SERVICE_METHODS, j], service.methods[name!]!);
    }
  }
  return found;
}
