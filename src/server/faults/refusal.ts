import { badRequest } from "../../contract/error_details.ts";
import type { Plan } from "./plan.ts";

/**
 * The plan for a call that asks for something which cannot be done: INVALID_ARGUMENT, and no fault. It is
 * not in plan.ts, which `serve --help` loads, because it needs protobufjs.
 *
 * @param field what does not hold what it has to, which a `google.rpc.BadRequest` names
 */
export function refusal(field: string, expected: string): Plan {
  const description = `expects ${expected}`;
  const details = [badRequest([{ field, description }])];
  return { answer: { code: "INVALID_ARGUMENT", reason: `${field} ${description}`, details } };
}
