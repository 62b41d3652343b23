// One call of GetUser with connect-node, by gRPC, for usersvc gauntlet. Usage: node connect_node.mjs MODULES
import { createRequire } from "node:module";

const [modules] = process.argv.slice(2);
const { USERSVC_ADDRESS: address, USERSVC_TIMEOUT: timeout } = process.env;
const require = createRequire(`${modules}/`);
const { create, createFileRegistry } = require("@bufbuild/protobuf");
const { FileDescriptorProtoSchema, FileDescriptorSetSchema } = require("@bufbuild/protobuf/wkt");
const { Code, ConnectError, createClient } = require("@connectrpc/connect");
const { createGrpcTransport } = require("@connectrpc/connect-node");

const message = (name, field) => ({
  name,
  field: [{ name: field, jsonName: field, number: 1, label: 1, type: 9 }],
});
const file = create(FileDescriptorProtoSchema, {
  name: "user_service.proto",
  package: "userservice",
  syntax: "proto3",
  messageType: [message("GetUserRequest", "username"), message("GetUserResponse", "message")],
  service: [{
    name: "UserService",
    method: [{
      name: "GetUser",
      inputType: ".userservice.GetUserRequest",
      outputType: ".userservice.GetUserResponse",
    }],
  }],
});
const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: [file] }));
const transport = createGrpcTransport({ baseUrl: `http://${address}` });
const client = createClient(registry.getService("userservice.UserService"), transport);
try {
  const answer = await client.getUser({ username: "Alice" }, { timeoutMs: parseInt(timeout) });
  console.log(answer.message);
} catch (error) {
  console.error(String(error));
  // Connections that are kept would keep the process too.
  // An exit code has eight bits: 64 + 192 would be success.
  process.exit(64 + (error instanceof ConnectError ? Math.min(error.code, 17) : Code.Unknown));
}
process.exit(0);
