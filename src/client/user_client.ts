import { loadContract } from "../contract/contract.ts";
import { stackless } from "../workarounds/stackless.ts";
import { type ChannelArguments, channelArguments } from "./channel.ts";
import type { Connection } from "./connection.ts";

/** How a call is made. */
export interface CallOptions {
  /** The deadline, in milliseconds from now. */
  readonly timeoutMs: number;
}

/** A client of `userservice.UserService` on a channel of its own. */
export interface UserClient {
  /**
   * Calls GetUser.
   *
   * @returns the message of the response
   * @throws {ServiceError} of grpc-js, with the status code, if the call fails
   */
  getUser(username: string, options: CallOptions): Promise<string>;
  /** Closes the channel. */
  close(): void;
}

/**
 * Makes a client; it connects with its first call.
 *
 * @param prepare changes how the channel is opened
 * @throws {TlsError} if a TLS file cannot be used
 */
export async function openUserClient(
  connection: Connection,
  prepare: (channel: ChannelArguments) => ChannelArguments = (channel) => channel,
): Promise<UserClient> {
  const { UserService } = await loadContract();
  const client = new UserService(...prepare(await channelArguments(connection)));
  return {
    getUser: (username, { timeoutMs }) =>
      new Promise((resolve, reject) => {
        const deadline = Date.now() + timeoutMs;
        // grpc-js takes the stack of each call, for an error that we print without it: 4 % of a batch.
        stackless(() =>
          client.getUser(
            { username },
            { deadline },
            (error, response) => error ? reject(error) : resolve(response!.message),
          )
        );
      }),
    close: () => client.close(),
  };
}
