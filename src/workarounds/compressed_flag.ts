import { status } from "@grpc/grpc-js";
import { BaseServerInterceptingCall } from "@grpc/grpc-js/build/src/server-interceptors.js";
import type { Buffer } from "node:buffer";

type Decompress = (message: Buffer, encoding: string) => Buffer | Promise<Buffer>;

/**
 * Makes servers answer INTERNAL to a message that is flagged as compressed in a call that names no
 * `grpc-encoding`, as the specification demands. grpc-js 1.14 takes it for an uncompressed one.
 *
 * Changes grpc-js for the whole process; calling it twice changes nothing more.
 *
 * @throws {Error} if this grpc-js has no such method to change
 * @see https://github.com/grpc/grpc/blob/master/doc/compression.md#compression-method-asymmetry-between-peers
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
