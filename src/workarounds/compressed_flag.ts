/**
 * grpc-js serves a message that is flagged as compressed in a call that names no encoding.
 *
 * - What is wrong: such a message is taken for an uncompressed one; the specification demands INTERNAL.
 * - Versions: @grpc/grpc-js 1.14.7.
 * - Upstream: no issue is known;
 *   https://github.com/grpc/grpc/blob/master/doc/compression.md#compression-method-asymmetry-between-peers
 * - Measured: the answer was OK, now it is INTERNAL.
 * - Fails: without it the cases of the compressed flag in tests/wire_test.ts; after an update it
 *   throws where grpc-js has no such method.
 * - It can go when grpc-js answers INTERNAL.
 */
import { status } from "@grpc/grpc-js";
import { BaseServerInterceptingCall } from "@grpc/grpc-js/build/src/server-interceptors.js";
import type { Buffer } from "node:buffer";

type Decompress = (message: Buffer, encoding: string) => Buffer | Promise<Buffer>;

/**
 * Makes servers answer INTERNAL to a message that is flagged as compressed in a call that names no
 * `grpc-encoding`.
 *
 * Changes grpc-js for the whole process; calling it twice changes nothing more.
 *
 * @throws {Error} if this grpc-js has no such method to change
 */
export function refuseCompressedWithoutEncoding(): void {
  const prototype = BaseServerInterceptingCall.prototype as unknown as {
    decompressMessage?: Decompress & { strict?: true };
  };
  const decompress = prototype.decompressMessage;
  if (decompress === undefined) throw new Error("this grpc-js decompresses messages elsewhere");
  if (decompress.strict) return;
  const strictly: Decompress = function (this: unknown, message, encoding) {
    if (encoding !== "identity" || message[0] === 0) {
      return decompress.call(this, message, encoding);
    }
    const details = "compressed message without grpc-encoding";
    return Promise.reject({ code: status.INTERNAL, details });
  };
  prototype.decompressMessage = Object.assign(strictly, { strict: true as const });
}
