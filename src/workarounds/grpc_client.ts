import { leaveDeadSessions } from "./dead_sessions.ts";
import { readOddAnswers } from "./odd_answers.ts";

let mended = false;

/** Makes grpc-js's client one that no server can hang, crash or fool; once for this process. */
export function mendGrpcClient(): void {
  if (mended) return;
  mended = true;
  leaveDeadSessions();
  readOddAnswers();
}
