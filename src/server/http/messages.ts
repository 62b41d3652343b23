import {
  createFileRegistry,
  type DescMessage,
  type DescMethodUnary,
  type FileRegistry,
  fromBinary,
} from "@bufbuild/protobuf";
import { type DescriptorProto, FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { fromJSON, type MessageTypeDefinition, type PackageDefinition } from "@grpc/proto-loader";
import { badRequestRoot } from "../../contract/error_details.ts";

/** A service, and the message that details its refusals, as `@bufbuild/protobuf` wants them. */
export interface Descriptors {
  /** A method of one request and one response. */
  unary(service: string, method: string): DescMethodUnary;
  message(name: string): DescMessage;
}

/**
 * Makes descriptors at run time, from what proto-loader has made of the contracts' texts.
 *
 * @throws {Error} when it is asked for a name that is in none of the definitions
 */
export function descriptorsOf(definitions: readonly PackageDefinition[]): Descriptors {
  const registries = [...definitions, fromJSON(badRequestRoot.toJSON())].map(registryOf);
  const find = <T>(name: string, look: (registry: FileRegistry) => T | undefined): T => {
    for (const registry of registries) {
      const found = look(registry);
      if (found !== undefined) return found;
    }
    throw new Error(`no descriptor of ${name}`);
  };
  return {
    unary: (service, method) => {
      const { methods } = find(service, (registry) => registry.getService(service));
      return methods.find(({ name }) => name === method) as DescMethodUnary;
    },
    message: (name) => find(name, (registry) => registry.getMessage(name)),
  };
}

function registryOf(definition: PackageDefinition): FileRegistry {
  const type = Object.values(definition).find((entry) => "fileDescriptorProtos" in entry);
  const [bytes] = (type as MessageTypeDefinition<object, object>).fileDescriptorProtos;
  const file = fromBinary(FileDescriptorProtoSchema, bytes!);
  // protobufjs leaves both out.
  const messages = messagesOf(file.messageType, `.${file.package}`);
  const known = new Set(
    messages.flatMap(([name, { enumType }]) => [
      name,
      ...enumType.map((type) => `${name}.${type.name}`),
    ]),
  );
  for (const [name, message] of messages) {
    for (const field of message.field) {
      field.jsonName = lowerCamelCase(field.name);
      field.typeName = fullName(field.typeName, name, known);
    }
  }
  return createFileRegistry(file, () => undefined);
}

/** The messages of a file with their full names, which begin with a point. */
function messagesOf(
  messages: readonly DescriptorProto[],
  scope: string,
): (readonly [string, DescriptorProto])[] {
  return messages.flatMap((message) => {
    const name = `${scope}.${message.name}`;
    return [[name, message] as const, ...messagesOf(message.nestedType, name)];
  });
}

/**
 * The full name of a type that a message names as it stands in the text, from the inside out.
 *
 * @see https://protobuf.dev/programming-guides/proto3/#name-resolution
 */
function fullName(name: string, message: string, known: ReadonlySet<string>): string {
  if (name === "" || name.startsWith(".")) return name;
  for (let scope = message; scope !== ""; scope = scope.slice(0, scope.lastIndexOf("."))) {
    if (known.has(`${scope}.${name}`)) return `${scope}.${name}`;
  }
  return name;
}

/** The JSON name of a field: https://protobuf.dev/programming-guides/json/. */
function lowerCamelCase(name: string): string {
  return name.replace(/_+(.)/g, (_, letter: string) => letter.toUpperCase());
}
