import { credentials } from "@grpc/grpc-js";
import { loadContract } from "../contract.ts";
import { escapeGrpcLog } from "../grpc_log.ts";

/** How a call is made. */
export interface CallOptions {
  /** The deadline, in milliseconds from now. */
  readonly timeoutMs: number;
}

/**
 * Calls `userservice.UserService/GetUser` once, on a channel of its own that is closed before this
 * returns.
 *
 * @param address `HOST:PORT`, IPv6 addresses in brackets
 * @returns the message of the response
 * @throws {ServiceError} of grpc-js, with the status code, if the call fails
 */
export async function getUser(
  address: string,
  username: string,
  options: CallOptions,
): Promise<string> {
  escapeGrpcLog();
  const { UserService } = await loadContract();
  const client = new UserService(
    `dns:${address}`,
    credentials.createInsecure(),
    {
      // The proxies that environment variables name are for the web.
      "grpc.enable_http_proxy": 0,
      // Otherwise grpc-js asks DNS for a TXT record before each channel connects.
      "grpc.service_config_disable_resolution": 1,
    },
  );
  try {
    return await new Promise((resolve, reject) => {
      const deadline = Date.now() + options.timeoutMs;
      client.getUser(
        { username },
        { deadline },
        (error, response) => error ? reject(error) : resolve(response!.message),
      );
    });
  } finally {
    client.close();
  }
}
