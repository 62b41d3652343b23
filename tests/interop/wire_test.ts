/** What grpc-go and grpcio make of the bytes that tests/contract/decoding_test.ts feeds to usersvc. */
import assert from "node:assert/strict";
import { goServer, pythonServer, startServer } from "../../tools/peers/servers.ts";
import { programTest } from "../support/program.ts";
import { openSession, sendMessage, startCall } from "../support/raw_client.ts";
import { wireCases } from "../support/wire_cases.ts";

for (const [name, install] of Object.entries({ "grpc-go": goServer, grpcio: pythonServer })) {
  programTest(`${name} answers each message as the test of the wire says`, async () => {
    await using server = await startServer(await install());
    const session = await openSession(server.port);
    for (const { what, bytes, name, status = "13" } of wireCases) {
      const expected = name === undefined
        ? { status, message: undefined }
        : { status: "0", message: `Привет, ${name}!` };
      const stream = startCall(session);
      // grpc-go answers a message that is too large without reading it to its end.
      stream.on("end", () => stream.destroy());
      assert.deepEqual(await sendMessage(stream, bytes), expected, what);
    }
    session.close();
  });
}
