/**
 * Calls GetUser with grpc-js, whose retries are those of its service config.
 *
 * Usage: deno run -A tests/interop/get_user.ts HOST:PORT NAME [METADATA VALUE]
 */
import { credentials, Metadata, status } from "@grpc/grpc-js";
import { loadContract } from "../../src/contract/contract.ts";

const [address, username, key, value] = Deno.args;
const metadata = new Metadata();
if (key !== undefined) metadata.set(key, value!);

const config = {
  methodConfig: [{
    name: [{ service: "userservice.UserService" }],
    retryPolicy: {
      maxAttempts: 4,
      initialBackoff: "0.01s",
      maxBackoff: "0.05s",
      backoffMultiplier: 2,
      retryableStatusCodes: ["UNAVAILABLE"],
    },
  }],
};

const { UserService } = await loadContract();
const client = new UserService(address!, credentials.createInsecure(), {
  "grpc.service_config": JSON.stringify(config),
});
client.getUser(
  { username: username! },
  metadata,
  { deadline: Date.now() + 10_000 },
  (error, response) => {
    console.log(error ? status[error.code] : response!.message);
    client.close();
  },
);
