/** src/http2/ is what grpc-js uses in place of node:http2, and has all that grpc-js uses of it. */
import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import type { Socket } from "node:net";
import * as http2 from "../../src/http2/http2.ts";
import { Session } from "../../src/http2/session.ts";
import { Stream } from "../../src/http2/stream.ts";
import { makeBundle } from "../../tools/bundle.ts";
import { deno } from "../../tools/programs.ts";
import { root } from "../../tools/paths.ts";
import { programTest, withFolder } from "../support/program.ts";

const socket = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() });
const session = new Session(false, socket as Socket, {});

/** What grpc-js names something of HTTP/2, and what it is here. */
const PARTS: readonly (readonly [name: string, part: object])[] = [
  ["http2", http2],
  [String.raw`http2\.constants`, http2.constants],
  ["http2Server", http2.createServer()],
  ["session", session],
  [String.raw`session\.state`, session.state],
  ["(?:http2S|this\\.s)tream", new Stream(session, 1)],
];

/** What Node before 20 has in place of another. */
const NEVER_USED = ["incrementWindowSize"];

/** The files of grpc-js that name them. */
const FILES = ["server", "server-interceptors", "subchannel-call", "transport"];

async function readGrpcJs(): Promise<string> {
  const { imports } = JSON.parse(await Deno.readTextFile(`${root}deno.json`));
  const version = imports["@grpc/grpc-js"].split("@").at(-1);
  const { npmCache } = JSON.parse((await deno(["info", "--json"])).stdout);
  const folder = `${npmCache}/registry.npmjs.org/@grpc/grpc-js/${version}/build/src`;
  const texts = await Promise.all(FILES.map((file) => Deno.readTextFile(`${folder}/${file}.js`)));
  return texts.join("\n");
}

programTest("src/http2/ has every member of HTTP/2 that grpc-js names", async () => {
  const code = await readGrpcJs();
  const missing: string[] = [];
  let found = 0;
  for (const [name, part] of PARTS) {
    const uses = code.matchAll(new RegExp(String.raw`\b${name}\.(\w+)`, "g"));
    for (const member of new Set([...uses].map(([, member]) => member!))) {
      found++;
      if (!(member in part) && !NEVER_USED.includes(member)) missing.push(`${name}.${member}`);
    }
  }
  session.destroy();
  assert.deepEqual(missing, [], "a new @grpc/grpc-js uses more of node:http2 than src/http2/ has");
  assert.ok(found > 40, `only ${found} members found`);
});

programTest(
  "no module of the program uses node:http2, from the sources as in the bundle",
  async () => {
    const users: string[] = [];
    for await (const path of files(`${root}src`)) {
      if (/from "node:http2"/.test(await Deno.readTextFile(path))) {
        users.push(path.slice(root.length));
      }
    }
    // It puts src/http2/ in its place.
    assert.deepEqual(users, ["src/workarounds/own_http2.ts"]);
    await withFolder(async (folder) => {
      await makeBundle(folder);
      for await (const path of files(folder)) {
        assert.doesNotMatch(await Deno.readTextFile(path), /from "node:http2"/, path);
      }
    });
  },
);

async function* files(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* files(`${folder}/${name}`);
    else if (/\.[jt]s$/.test(name)) yield `${folder}/${name}`;
  }
}
