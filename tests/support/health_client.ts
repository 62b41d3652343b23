/** A client of `grpc.health.v1.Health`. */
import type { Client, ServiceDefinition, ServiceError } from "@grpc/grpc-js";

/** A channel with what it needs to know of the service. */
export interface HealthClient {
  readonly client: Client;
  readonly methods: ServiceDefinition;
  close(): void;
}

/** The service, with the names of statuses where the server's own definition has numbers. */
export async function healthMethods(): Promise<ServiceDefinition> {
  const { fromJSON } = await import("@grpc/proto-loader");
  const { healthRoot } = await import("../../src/contract/health_contract.ts");
  const definition = fromJSON(healthRoot.toJSON(), { defaults: true, enums: String });
  return definition["grpc.health.v1.Health"] as ServiceDefinition;
}

/** Opens a channel to a server on this machine. */
export async function healthClient(port: number): Promise<HealthClient> {
  const { Client, credentials } = await import("@grpc/grpc-js");
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  return { client, methods: await healthMethods(), close: () => client.close() };
}

/** Asks once; rejects with the status if it is not OK. */
export function checkHealth({ client, methods }: HealthClient, service: string): Promise<object> {
  const { path, requestSerialize, responseDeserialize } = methods["Check"]!;
  return new Promise((resolve, reject) =>
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      { service },
      (error: ServiceError | null, response?: object) => error ? reject(error) : resolve(response!),
    )
  );
}

/** A health watch that goes on. */
export interface HealthWatch {
  /** The answers that have come. */
  readonly seen: readonly unknown[];
  /** The first one has come. */
  readonly first: Promise<void>;
  /** The status with which it has ended. */
  readonly ended: Promise<unknown>;
}

/** Watches the health of the contract's service. */
export function watchHealth({ client, methods }: HealthClient): HealthWatch {
  const { path, requestSerialize, responseDeserialize } = methods["Watch"]!;
  const request = { service: "userservice.UserService" };
  const watch = client.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    request,
  );
  const seen: unknown[] = [];
  const { promise: first, resolve } = Promise.withResolvers<void>();
  watch.on("data", (response: { status: unknown }) => {
    seen.push(response.status);
    resolve();
  });
  return { seen, first, ended: new Promise((resolve) => watch.on("error", resolve)) };
}
