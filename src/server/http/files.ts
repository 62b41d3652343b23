import { protoFile, protoText } from "../../contract/contract.ts";
import type { Health } from "../health_service.ts";
import { page } from "./page.ts";
import { answerLine, answerWith, type Request, type Response } from "./request.ts";

/** No other site may hold what is here in a page of its own. */
const OWN = {
  "cache-control": "no-store",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** What there is besides calls: a path and what answers it. */
const FILES: ReadonlyMap<string, (response: Response, health: Health) => void> = new Map([
  ["/", (response) => answerWith(response, 200, page.body, page.headers)],
  [
    "/healthz",
    (response, health) =>
      health.isServing()
        ? answerLine(response, 200, "SERVING", OWN)
        : answerLine(response, 503, "NOT_SERVING", OWN),
  ],
  [
    `/${protoFile}`,
    (response) =>
      answerWith(response, 200, protoText, { ...OWN, "content-type": "text/plain; charset=utf-8" }),
  ],
]);

/** Answers a request that is no call: the page, the contract, health, or 404. */
export function answerFile(
  path: string,
  { method = "" }: Request,
  response: Response,
  health: Health,
): void {
  const answer = FILES.get(path);
  if (answer === undefined) {
    return answerLine(response, 404, `not found; there are ${[...FILES.keys()].join(", ")}`);
  }
  if (method === "GET" || method === "HEAD") return answer(response, health);
  answerLine(response, 405, "only GET and HEAD are allowed here", { allow: "GET, HEAD" });
}
