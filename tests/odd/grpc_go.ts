/** A caller on grpc-go, for what it makes of the same answers. */
import { STATUS_NAMES, type StatusName } from "../../src/contract/status_codes.ts";
import type { Case, Ending } from "../../src/gauntlet/case.ts";
import { goProgram } from "../support/go.ts";
import { type Outcome, TIMEOUT_MS } from "./run.ts";

/** Calls each name from grpc-go and returns how each call ended, codes as usersvc writes them. */
export async function callFromGo(
  port: number,
  names: readonly string[],
  concurrency: number,
): Promise<Map<string, Outcome>> {
  const args = ["-concurrency", `${concurrency}`, "-timeout", `${TIMEOUT_MS}ms`];
  const child = new Deno.Command(await goProgram("caller"), {
    args: [...args, `127.0.0.1:${port}`],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const stdin = child.stdin.getWriter();
  await stdin.write(new TextEncoder().encode(names.map((name) => `${name}\n`).join("")));
  await stdin.close();
  const lines = new TextDecoder().decode((await child.output()).stdout).trimEnd().split("\n");
  return new Map(lines.map((line) => {
    const { username, code, message } = JSON.parse(line);
    return [username, { code: statusNamed(code), message }];
  }));
}

/** `INVALID_ARGUMENT` for grpc-go's `InvalidArgument`; what is none stays as it is. */
function statusNamed(code: string): StatusName | string {
  if (code === "Canceled") return "CANCELLED";
  return STATUS_NAMES.find((name) => name.replaceAll("_", "") === code.toUpperCase()) ?? code;
}

/** The code that grpc-go ends with where the specification wants another, and why. */
const GO: Readonly<Record<string, readonly [code: string, why: string]>> = {
  ...each(
    ["status-minus-1", "status-minus-1-alone"],
    `Code(${-1 >>> 0})`,
    "it hands on any number",
  ),
  ...each(["page-431", "page-431-without-body"], "UNKNOWN", "its table lacks the HTTP status"),
  ...each(
    [400, 431, 401, 403, 404, 429, 502, 503, 504].map((status) => `http-${status}`),
    "UNKNOWN",
    "it takes the content type for a promise",
  ),
  ...each(
    ["", "-after-headers", "-after-message"].map((when) => `rst-flow-control-error${when}`),
    "RESOURCE_EXHAUSTED",
    "flow control is a resource for it",
  ),
  ...each(
    [
      ...["data-of-idle-stream", "headers-of-idle-stream", "headers-of-even-stream"],
      ...["window-overflow", "settings-with-wrong-frame-size", "rst-of-idle-stream"],
      "frame-size-too-small",
    ],
    "OK",
    "it does not look",
  ),
};

function each(names: readonly string[], code: string, why: string): typeof GO {
  return Object.fromEntries(names.map((name) => [name, [code, why]]));
}

/** Where grpc-go does not end as the table says that it does, a line each. */
export function goDifferences(
  cases: readonly Case[],
  outcomes: ReadonlyMap<string, Outcome>,
): string[] {
  return cases.flatMap(({ name, mayEnd }) => {
    const { code, message } = outcomes.get(name) ?? { code: "no outcome", message: "" };
    const expected = GO[name]?.[0] ?? mayEnd.join(" or ");
    return isOf(code, GO[name] === undefined ? mayEnd : [GO[name][0]])
      ? []
      : [`${name}: ${code} ${message}, not ${expected}`];
  });
}

function isOf(code: string, codes: readonly (Ending | string)[]): boolean {
  const failed = code !== "OK" && code !== "no outcome";
  return codes.includes(code) || failed && codes.includes("FAILURE");
}
