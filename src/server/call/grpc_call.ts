import {
  type handleUnaryCall,
  Metadata,
  type sendUnaryData,
  type ServerUnaryCall,
  status,
} from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import { type GetUserRequest, type GetUserResponse, serviceName } from "../../contract/contract.ts";
import { DETAILS_TRAILER, encodeStatus } from "../../contract/error_details.ts";
import { streamOf } from "../../workarounds/private_parts.ts";
import { plainAddress } from "../connection/connections.ts";
import type { GetUser } from "./get_user.ts";
import type { Answer, IncomingCall } from "./incoming_call.ts";

/** Has GetUser answer the calls of grpc-js. */
export function grpcHandler(getUser: GetUser): handleUnaryCall<GetUserRequest, GetUserResponse> {
  return (serverCall, respond) => getUser.handle(new GrpcCall(serverCall, respond));
}

// A class, because an object literal would need a closure for each method of each call.
class GrpcCall implements IncomingCall {
  readonly protocol = "grpc";
  readonly service = serviceName;
  readonly method = "GetUser";
  readonly username: string;
  readonly startedAt = Date.now();
  readonly #call: ServerUnaryCall<GetUserRequest, GetUserResponse>;
  readonly #respond: sendUnaryData<GetUserResponse>;

  constructor(
    call: ServerUnaryCall<GetUserRequest, GetUserResponse>,
    respond: sendUnaryData<GetUserResponse>,
  ) {
    this.username = call.request.username;
    this.#call = call;
    this.#respond = respond;
  }

  peer(): string {
    return plainAddress(this.#call.getPeer());
  }

  metadata(key: string): string[] {
    return this.#call.metadata.get(key).map((value) =>
      typeof value === "string" ? value : value.toString("base64")
    );
  }

  deadline(): number {
    return Number(this.#call.getDeadline());
  }

  isCancelled(): boolean {
    return this.#call.cancelled;
  }

  onCancelled(listener: () => void): void {
    this.#call.once("cancelled", listener);
  }

  answer({ code, message = "", reason = "", details, metadata, trailers, play }: Answer): void {
    if (play !== undefined) return play(streamOf(this.#call));
    if (code === "OK") {
      if (metadata !== undefined) this.#call.sendMetadata(toMetadata(metadata));
      return this.#respond(null, { message }, trailers && toMetadata(trailers));
    }
    // Initial metadata would commit the call: no client may try it again.
    const sent = toMetadata(metadata, trailers);
    if (details !== undefined) {
      sent.set(DETAILS_TRAILER, Buffer.from(encodeStatus(status[code], reason, details)));
    }
    this.#respond({ code: status[code], details: reason, metadata: sent });
  }
}

function toMetadata(...parts: readonly Answer["metadata"][]): Metadata {
  const metadata = new Metadata();
  for (const part of parts) {
    for (const [key, values] of Object.entries(part ?? {})) addAll(metadata, key, values);
  }
  return metadata;
}

function addAll(metadata: Metadata, key: string, values: readonly string[]): void {
  const isBinary = key.endsWith("-bin");
  for (const value of values) metadata.add(key, isBinary ? Buffer.from(value, "base64") : value);
}
