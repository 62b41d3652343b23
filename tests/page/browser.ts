/** A real browser that shows the server's page: Debian's chromium, driven by puppeteer-core. */
import type { Browser, Page } from "puppeteer-core";
import { LIMIT_MS } from "../../tools/programs.ts";
import { debianLibraries, debianPeer, folder } from "../../tools/peers/install.ts";

const NAME = "chromium";

const installed = debianPeer(
  NAME,
  // A system without fonts shows none of the texts, and one without emoji no emoji.
  ["chromium-headless-shell", "fonts-inter", "fonts-jetbrains-mono", "fonts-noto-color-emoji"],
  "usr/lib/chromium/chromium-headless-shell",
  "chromium comes from Debian; use it",
);

/** A host name that the browser takes for this machine, but not for a secure one. */
export const INSECURE_HOST = "usersvc.test";

async function startBrowser(): Promise<Browser> {
  const executablePath = await installed();
  const fonts = `${folder}${NAME}/fonts.conf`;
  await Deno.writeTextFile(
    fonts,
    `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
    <dir>/usr/share/fonts</dir><dir>${folder}${NAME}/usr/share/fonts</dir>
    <cachedir>${folder}${NAME}/fonts</cachedir></fontconfig>`,
  );
  const libraries = debianLibraries(NAME);
  const { default: puppeteer } = await import("puppeteer-core");
  return await puppeteer.launch({
    executablePath,
    timeout: LIMIT_MS,
    acceptInsecureCerts: true,
    args: [
      // Its sandbox does not work for root, nor in most containers.
      "--no-sandbox",
      "--disable-dev-shm-usage",
      `--host-resolver-rules=MAP ${INSECURE_HOST} 127.0.0.1`,
    ],
    env: {
      ...Deno.env.toObject(),
      FONTCONFIG_FILE: fonts,
      LD_LIBRARY_PATH: `${libraries}:${libraries}/pulseaudio`,
    },
  });
}

/** The page in a browser. */
export interface OpenPage {
  readonly page: Page;
  /** What the browser has written to its console as errors or warnings since this was last asked. */
  readonly complaints: () => string[];
  /** What the browser has asked other addresses for. */
  readonly elsewhere: readonly string[];
  /** The text of an element. */
  readonly text: (selector: string) => Promise<string>;
  /** Replaces the name in the field, as typing does. */
  readonly enter: (name: string) => Promise<void>;
  /** Waits until the text of an element matches. */
  readonly until: (selector: string, pattern: RegExp) => Promise<string>;
}

/** Opens an address in a browser of its own. */
export async function withPage(url: string, use: (open: OpenPage) => Promise<void>): Promise<void> {
  const browser = await startBrowser();
  try {
    const page = await browser.newPage();
    const { origin } = new URL(url);
    const heard: string[] = [];
    const elsewhere: string[] = [];
    page.on("console", (message) => {
      if (["error", "warn"].includes(message.type())) heard.push(message.text());
    });
    page.on("pageerror", (error) => heard.push(String(error)));
    page.on("request", (request) => {
      const asked = request.url();
      if (!asked.startsWith(`${origin}/`) && !asked.startsWith("data:")) elsewhere.push(asked);
    });
    page.setDefaultTimeout(LIMIT_MS);
    await page.goto(url);
    await use({ page, complaints: () => heard.splice(0), elsewhere, ...texts(page) });
  } finally {
    await browser.close();
  }
}

function texts(page: Page): Pick<OpenPage, "text" | "enter" | "until"> {
  const text = (selector: string) => page.$eval(selector, (element) => element.textContent ?? "");
  return {
    text,
    enter: async (name) => {
      await page.$eval("#name", (field, name) => {
        (field as unknown as { value: string }).value = name;
        field.dispatchEvent(new Event("input"));
      }, name);
    },
    until: async (selector, pattern) => {
      await page.waitForFunction(
        (selector, source, flags) =>
          new RegExp(source, flags).test(
            // The browser's own; Deno has no document.
            (globalThis as unknown as {
              document: { querySelector(selector: string): { textContent: string } | null };
            }).document.querySelector(selector)?.textContent ?? "",
          ),
        {},
        selector,
        pattern.source,
        pattern.flags,
      );
      return await text(selector);
    },
  };
}
