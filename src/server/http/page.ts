import { createHash } from "node:crypto";
import html from "./page.html" with { type: "text" };

/** What `GET /` answers. */
export interface Page {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * The page that greets in a browser, with headers under which it can load and run nothing but itself.
 *
 * @see https://www.w3.org/TR/CSP3/
 */
export const page: Page = {
  body: html,
  headers: {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": securityPolicy(html),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    // Another version of usersvc may listen here tomorrow.
    "cache-control": "no-cache",
  },
};

/** The one script and the one style sheet are allowed by their hashes. */
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
