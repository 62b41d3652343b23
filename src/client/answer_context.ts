import type { ClientUnaryCall, Metadata } from "@grpc/grpc-js";

/** Metadata as texts: all values of each name, those of a name that ends in `-bin` in base64. */
export type Entries = Readonly<Record<string, readonly string[]>>;

/** What came with the answer to a call, beside its message or status. */
export interface AnswerContext {
  /** The initial metadata; none where the server has sent nothing but the status. */
  readonly metadata: Entries;
  readonly trailers: Entries;
  /** The server's address; undefined where there was no connection. */
  readonly peer: string | undefined;
}

/**
 * Reports what came with the answer, before the promise of the call settles.
 *
 * @param call one that was just started
 */
export function watchAnswer(call: ClientUnaryCall, report: (context: AnswerContext) => void): void {
  let metadata: Entries = {};
  call.on("metadata", (received) => metadata = entriesOf(received));
  call.on(
    "status",
    ({ metadata: received }) =>
      report({ metadata, trailers: entriesOf(received), peer: peerOf(call) }),
  );
}

/** Turns metadata of grpc-js into texts. */
export function entriesOf(metadata: Metadata): Entries {
  const lists = metadata.toJSON() as Record<string, (string | Uint8Array)[]>;
  return Object.fromEntries(
    Object.entries(lists).map(([name, values]) => [name, values.map(textOf)]),
  );
}

function textOf(value: string | Uint8Array): string {
  return typeof value === "string" ? value : value.toBase64();
}

/** The address of the server that a call has reached; undefined if it has reached none. */
export function peerOf(call: { getPeer(): string }): string | undefined {
  // Without a connection, grpc-js gives the target's URI (`dns:…`) as the peer.
  const peer = call.getPeer();
  return /^\w+:/.test(peer) ? undefined : peer;
}

/** How many characters the entries have. */
export function lengthOf(entries: Entries): number {
  return Object.entries(entries)
    .flat(2)
    .reduce((length, text) => length + text.length, 0);
}
