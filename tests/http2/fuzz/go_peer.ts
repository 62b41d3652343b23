/** Go's golang.org/x/net/http2, in a process that answers questions. */
import { Buffer } from "node:buffer";
import { goProgram } from "../../support/go.ts";
import { linuxTest } from "../../support/program.ts";

/** What is asked: a connection to a server, one of a client, blocks to decode, fields to encode, strings for the Huffman code. */
export type Question = "S" | "C" | "D" | "E" | "H";

/** Go's side. */
interface GoPeer {
  /** Questions are answered in their order; many may wait. */
  ask(question: Question, content: Uint8Array): Promise<Reader>;
  stop(): Promise<void>;
}

/** A test beside Go. */
export function goTest(title: string, run: (go: GoPeer) => Promise<void>): void {
  linuxTest(title, async () => {
    const go = await startGo();
    try {
      await run(go);
    } finally {
      await go.stop();
    }
  });
}

async function startGo(): Promise<GoPeer> {
  // Without the tag x/net hands all over to net/http from Go 1.27 on.
  const program = await goProgram("http2_peer", ["test", "-c", "-tags", "http2legacy"]);
  const child = new Deno.Command(program, {
    args: ["-test.run", "^TestPeer$"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const stdin = child.stdin.getWriter();
  const waiting: ((answer: Reader) => void)[] = [];
  const answered = readAnswers(child.stdout, (answer) => waiting.shift()!(new Reader(answer)));
  return {
    ask(question, content) {
      const { promise, resolve, reject } = Promise.withResolvers<Reader>();
      waiting.push(resolve);
      const head = Buffer.alloc(5);
      head.write(question);
      head.writeUInt32BE(content.length, 1);
      stdin.write(Buffer.concat([head, content])).catch(reject);
      answered.then(() => reject(new Error("Go's side has ended: see above")));
      return promise;
    },
    async stop() {
      await stdin.close();
      await answered;
      const { success } = await child.status;
      if (!success) throw new Error("Go's side has failed: see above");
    },
  };
}

async function readAnswers(
  stdout: ReadableStream<Uint8Array>,
  onAnswer: (answer: Buffer) => void,
): Promise<void> {
  let parts: Uint8Array[] = [], bytes = 0, wanted = 4;
  for await (const part of stdout) {
    parts.push(part);
    bytes += part.length;
    if (bytes < wanted) continue;
    let all = Buffer.concat(parts);
    while (all.length >= 4) {
      wanted = 4 + all.readUInt32BE(0);
      // What a Go test says at its end is no answer.
      if (all.length < wanted || all.toString("latin1", 0, 4) === "PASS") break;
      onAnswer(all.subarray(4, wanted));
      all = all.subarray(wanted);
      wanted = 4;
    }
    parts = [all];
    bytes = all.length;
  }
}

/** Takes an answer apart. */
export class Reader {
  private at = 0;

  constructor(private readonly from: Buffer) {}

  get isAtEnd(): boolean {
    return this.at >= this.from.length;
  }

  u8(): number {
    return this.from[this.at++]!;
  }

  u32(): number {
    this.at += 4;
    return this.from.readUInt32BE(this.at - 4);
  }

  bytes(): Buffer {
    const length = this.u32();
    this.at += length;
    return this.from.subarray(this.at - length, this.at);
  }
}

/** Bytes with their length before them, as a question has them. */
export function withLength(bytes: Uint8Array): Buffer {
  return Buffer.concat([u32(bytes.length), bytes]);
}

/** A number of four bytes. */
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
