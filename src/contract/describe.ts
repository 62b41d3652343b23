/** Makes the descriptor of a file of protobuf from what protobufjs has read of it. */
import type { Buffer } from "node:buffer";
import protobuf from "protobufjs";
import descriptor, {
  type IDescriptorProto,
  type IFieldDescriptorProto,
  type IFileDescriptorSet,
} from "protobufjs/ext/descriptor/index.js";

/** The numbers of the fields of descriptor.proto that lead to what a comment stands before. */
const FILE_MESSAGES = 4, FILE_SERVICES = 6;
const MESSAGE_FIELDS = 2, MESSAGE_MESSAGES = 3, SERVICE_METHODS = 2;

/**
 * The complete `google.protobuf.FileDescriptorProto`, encoded, of a file. What protobufjs makes of it lacks
 * its name, imports, comments and JSON names, names types as they stand in the text, and gives the entry
 * types of map fields other names than the specification demands.
 *
 * @param root holds the file, and of others no more than the types of `google.protobuf` that it needs
 */
export function describe(root: protobuf.Root, { name, imports = [] }: FileInfo = {}): Buffer {
  root.resolveAll();
  const files = (root as unknown as Describable).toDescriptor("proto3").file!;
  const file = files.find((one) => one.package !== "google.protobuf") ?? files[0];
  const { package: scope, messageType = [], service = [] } = file!;
  const location: Location[] = [];
  for (const [i, message] of messageType.entries()) {
    complete(message, root.lookupType(`${scope}.${message.name}`), [FILE_MESSAGES, i], location);
  }
  for (const [i, { name, method }] of service.entries()) {
    const { methods, comment } = root.lookupService(`${scope}.${name}`);
    const path = [FILE_SERVICES, i];
    addComment(location, path, comment);
    for (const [j, { name }] of method!.entries()) {
      addComment(location, [...path, SERVICE_METHODS, j], methods[name!]!.comment);
    }
  }
  const complemented = {
    ...file,
    ...(name && { name }),
    dependency: [...imports],
    sourceCodeInfo: { location },
  };
  return descriptor.FileDescriptorProto.encode(complemented).finish() as Buffer;
}

/** What a parsed file does not say of itself. */
interface FileInfo {
  /** Its name; by default protobufjs makes one of the package's. */
  readonly name?: string;
  /** The names of the files that it imports; none by default. */
  readonly imports?: readonly string[];
}

/** What `protobufjs/ext/descriptor` adds to each root. */
interface Describable {
  toDescriptor(syntax: "proto3"): IFileDescriptorSet;
}

/** A comment and what it stands before. */
interface Location {
  readonly path: readonly number[];
  readonly span: readonly number[];
  readonly leadingComments: string;
}

function addComment(found: Location[], path: readonly number[], comment: string | null): void {
  if (!comment) return;
  const leadingComments = comment.split("\n").map((line) => ` ${line}`.trimEnd() + "\n").join("");
  found.push({ path, span: [0, 0, 0], leadingComments });
}

/** Completes a message, and all that are declared in it. */
function complete(
  message: IDescriptorProto,
  type: protobuf.Type,
  path: readonly number[],
  comments: Location[],
): void {
  addComment(comments, path, type.comment);
  for (const [i, field] of message.field!.entries()) {
    const known = type.fields[field.name!]!.resolve();
    addComment(comments, [...path, MESSAGE_FIELDS, i], known.comment);
    field.jsonName = lowerCamelCase(field.name!);
    if (known.map) completeEntry(message, field, known);
    else if (known.resolvedType) field.typeName = known.resolvedType.fullName;
  }
  for (const [i, inner] of message.nestedType!.entries()) {
    if (inner.options?.mapEntry) continue;
    const innerPath = [...path, MESSAGE_MESSAGES, i];
    complete(inner, type.get(inner.name!) as protobuf.Type, innerPath, comments);
  }
}

/**
 * Completes the type of a map field's entries: `StatusesEntry`, where protobufjs has `Statuses`, for
 * which clients refuse the whole file.
 *
 * @see https://protobuf.dev/programming-guides/proto3/#backwards
 */
function completeEntry(
  message: IDescriptorProto,
  field: IFieldDescriptorProto,
  { parent, resolvedType }: protobuf.Field,
): void {
  const entry = message.nestedType!.find(({ name }) => name === field.typeName)!;
  entry.name = protobuf.util.ucFirst(`${field.jsonName}Entry`);
  field.typeName = `${parent!.fullName}.${entry.name}`;
  for (const part of entry.field!) part.jsonName = part.name!;
  if (resolvedType) entry.field![1]!.typeName = resolvedType.fullName;
}

/** The JSON name of a field: https://protobuf.dev/programming-guides/json/. */
function lowerCamelCase(name: string): string {
  return name.replace(/_+(.)/g, (_, letter: string) => letter.toUpperCase());
}
