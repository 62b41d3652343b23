/** A caller on grpc-go, for what it makes of the same answers. */
import { STATUS_NAMES, type StatusName } from "../../src/contract/status_codes.ts";
import { goProgram } from "../support/go.ts";
import { type Outcome, TIMEOUT_MS } from "./run.ts";
import type { Expected } from "./table.ts";

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

/** Where grpc-go does not end as the table says that it does, a line each. */
export function goDifferences(
  table: Readonly<Record<string, Expected>>,
  outcomes: ReadonlyMap<string, Outcome>,
): string[] {
  return Object.entries(table).flatMap(([name, { code, or, go }]) => {
    const expected: (string | undefined)[] = go?.[0].split(" or ") ?? [code, or];
    const { code: actual, message } = outcomes.get(name) ?? { code: "no outcome", message: "" };
    return expected.includes(actual)
      ? []
      : [`${name}: ${actual} ${message}, not ${expected.join(" ")}`];
  });
}
