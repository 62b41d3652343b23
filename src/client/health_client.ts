import { Client, type ServiceError, status } from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import { healthRoot, healthServiceName } from "../contract/health_contract.ts";
import { decoderOf } from "../contract/decoding.ts";
import { channelArguments } from "./channel.ts";
import type { ConnectionOptions } from "./connection_options.ts";
import type { AnswerOptions } from "./interceptor.ts";

/** How a check is made. */
export interface CheckOptions {
  /** The full name of a service; `""` is the server as a whole. */
  readonly service: string;
  /** How long the (first) answer may take, connecting included, in milliseconds. */
  readonly timeoutMs: number;
}

/** The name of a status, such as `SERVING`, or why there is none. */
type CheckResult =
  | { readonly status: string }
  | { readonly error: ServiceError; readonly connected: boolean };

/** A client of `grpc.health.v1.Health` on a channel of its own. */
export interface HealthClient {
  /** Asks for the status of a service, once. */
  check(options: CheckOptions): Promise<CheckResult>;
  /**
   * Yields the status of a service now, and then each that it gets. Ends when the server ends it.
   *
   * @throws {ServiceError} of grpc-js, with the status code, if the call fails
   */
  watch(options: CheckOptions): AsyncGenerator<string>;
  /** Closes the channel. */
  close(): void;
}

/**
 * Makes a client; it connects with its first call.
 *
 * @throws {ExpectedError} if a TLS file cannot be used
 */
export async function openHealthClient(connection: ConnectionOptions): Promise<HealthClient> {
  const client = new Client(...await channelArguments(connection));
  return {
    check: (options) => callCheck(client, options),
    watch: (options) => callWatch(client, options),
    close: () => client.close(),
  };
}

function callCheck(client: Client, { service, timeoutMs }: CheckOptions): Promise<CheckResult> {
  const deadline = Date.now() + timeoutMs;
  let connected = false;
  client.waitForReady(deadline, (error) => connected = error === undefined);
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      path("Check"),
      encodeRequest,
      decodeResponse,
      service,
      { deadline },
      (error, status) => resolve(error ? { error, connected } : { status: status! }),
    );
  });
}

async function* callWatch(
  client: Client,
  { service, timeoutMs }: CheckOptions,
): AsyncGenerator<string> {
  const options: AnswerOptions = { answerBy: Date.now() + timeoutMs };
  const call = client.makeServerStreamRequest(
    path("Watch"),
    encodeRequest,
    decodeResponse,
    service,
    options,
  );
  let late = false;
  // A timer, since a deadline would end the whole watch, not only the wait for the first answer.
  const timer = setTimeout(() => {
    late = true;
    call.cancel();
  }, timeoutMs);
  try {
    for await (const status of call) {
      clearTimeout(timer);
      yield status as string;
    }
  } catch (error) {
    if (late) (error as ServiceError).code = status.DEADLINE_EXCEEDED;
    throw error;
  } finally {
    clearTimeout(timer);
    call.cancel();
  }
}

function path(method: "Check" | "Watch"): string {
  return `/${healthServiceName}/${method}`;
}

// Without proto-loader: a probe runs every few seconds, and loading it takes longer than the call.
const request = healthRoot.lookupType("grpc.health.v1.HealthCheckRequest");
const decode = decoderOf<{ readonly status: number }>(
  healthRoot.lookupType("grpc.health.v1.HealthCheckResponse"),
);
const { valuesById } = healthRoot.lookupEnum("grpc.health.v1.HealthCheckResponse.ServingStatus");

function encodeRequest(service: string): Buffer {
  return Buffer.from(request.encode({ service }).finish());
}

/** Returns the name of the status, or its number where the contract has no name for it. */
function decodeResponse(bytes: Uint8Array): string {
  const { status } = decode(bytes);
  return valuesById[status] ?? String(status);
}
