import { loadContract } from "../contract/contract.ts";
import { withoutStackTrace } from "../text/errors.ts";
import { type AnswerContext, watchAnswer } from "./answer_context.ts";
import { channelArguments } from "./channel.ts";
import type { ConnectionOptions } from "./connection_options.ts";

/** How a call is made. */
export interface CallOptions {
  /** The deadline, in milliseconds from now. */
  readonly timeoutMs: number;
  /** Takes what comes with the answer, before the promise of the call settles. */
  readonly onContext?: (context: AnswerContext) => void;
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
 * @throws {ExpectedError} if a TLS file cannot be used
 */
export async function openUserClient(connection: ConnectionOptions): Promise<UserClient> {
  const { UserService } = await loadContract();
  const client = new UserService(...await channelArguments(connection));
  return {
    getUser: (username, { timeoutMs, onContext }) =>
      new Promise((resolve, reject) => {
        const deadline = Date.now() + timeoutMs;
        // The stack that grpc-js takes of each call, and that is never printed, costs 4 % of a batch.
        const call = withoutStackTrace(() =>
          client.getUser(
            { username },
            { deadline },
            (error, response) => error ? reject(error) : resolve(response!.message),
          )
        );
        if (onContext) watchAnswer(call, onContext);
      }),
    close: () => client.close(),
  };
}
