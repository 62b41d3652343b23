import { createHash } from "node:crypto";
import { protoFile, protoText } from "../../contract/contract.ts";
import type { Health } from "../health_service.ts";
import { type HttpResponse, lineResponse, OWN, textResponse } from "./exchange.ts";
import html from "./page.html" with { type: "text" };

/** The page that greets in a browser. */
const PAGE = textResponse(200, html, {
  ...OWN,
  // Another version of usersvc may listen here tomorrow.
  "cache-control": "no-cache",
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": securityPolicy(html),
});

const CONTRACT = textResponse(200, protoText, {
  ...OWN,
  "content-type": "text/plain; charset=utf-8",
});

/** What there is besides calls: a path and what answers it. */
const FILES = new Map<string, (health: Health) => HttpResponse>([
  ["/", () => PAGE],
  [
    "/healthz",
    (health) =>
      health.isServing()
        ? lineResponse(200, "SERVING", OWN)
        : lineResponse(503, "NOT_SERVING", OWN),
  ],
  [`/${protoFile}`, () => CONTRACT],
]);

/**
 * The response to a request that is no call: the page, the contract, health, or 404.
 *
 * @param others the paths of what is there besides
 */
export function fileResponse(
  path: string,
  method: string,
  health: Health,
  others: readonly string[],
): HttpResponse {
  const answer = FILES.get(path);
  if (answer === undefined) {
    return lineResponse(404, `not found; there are ${[...FILES.keys(), ...others].join(", ")}`);
  }
  if (method === "GET" || method === "HEAD") return answer(health);
  return lineResponse(405, "only GET and HEAD are allowed here", { allow: "GET, HEAD" });
}

/**
 * A policy under which the page can load and run nothing but itself. The one script and the one style
 * sheet are allowed by their hashes.
 *
 * @see https://www.w3.org/TR/CSP3/
 */
function securityPolicy(html: string): string {
  return [
    "default-src 'none'",
    `script-src '${hashOf(html, "script")}'`,
    `style-src '${hashOf(html, "style")}'`,
    // The icon stands in the page.
    "img-src data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    // A name can never become markup: the browser refuses innerHTML and its like.
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");
}

/** @throws {Error} if there is not exactly one such element */
function hashOf(html: string, element: "script" | "style"): string {
  const found = [...html.matchAll(new RegExp(`<${element}>([^]*?)</${element}>`, "g"))];
  if (found.length !== 1) throw new Error(`page.html has ${found.length} elements ${element}`);
  return `sha256-${createHash("sha256").update(found[0]![1]!).digest("base64")}`;
}
