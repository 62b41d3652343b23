// One call of GetUser with grpc-js, for usersvc gauntlet. Usage: node grpc_js.mjs MODULES PROTO
import { createRequire } from "node:module";

const [modules, proto] = process.argv.slice(2);
const { USERSVC_ADDRESS: address, USERSVC_TIMEOUT: timeout } = process.env;
const require = createRequire(`${modules}/`);
const { credentials, loadPackageDefinition, status } = require("@grpc/grpc-js");
const { loadSync } = require("@grpc/proto-loader");

const { UserService } = loadPackageDefinition(loadSync(proto)).userservice;
const client = new UserService(address, credentials.createInsecure());
const deadline = Date.now() + parseInt(timeout);
client.GetUser({ username: "Alice" }, { deadline }, (error, answer) => {
  client.close();
  if (error === null) return console.log(answer.message);
  console.error(error.message);
  // An exit code has eight bits: 64 + 192 would be success.
  process.exitCode = 64 + (error.code in status ? error.code : 17);
});
