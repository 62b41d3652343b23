/** The page of the server's port in a real browser. */
import assert from "node:assert/strict";
import type axe from "axe-core";
import { loadContract } from "../../src/contract/contract.ts";
import { root } from "../../tools/paths.ts";
import { grpcurl, python } from "../../tools/peers/grpc.ts";
import { linuxServeTest, type Serve, shellCommand, withFolder } from "../support/program.ts";
import { INSECURE_HOST, type OpenPage, withPage } from "./browser.ts";

/** Where to write a picture of the page, if it is wanted. */
const [pictureFile] = Deno.args;

/** What a shell, JSON, HTML, Python or a terminal could take for something else. */
const NASTY = `-it's "\\$(exit 9)" \`x\` \\n <img src=x onerror=alert(1)> \x1b[31m\x85 \u202e 😀!`;

/** A server and its page in a browser; every call that it made must be on record, once. */
function pageTest(
  name: string,
  use: (open: OpenPage, server: Serve) => Promise<void>,
  { args = [], host = "localhost", protocol = "http" }: {
    readonly args?: readonly string[];
    readonly host?: string;
    readonly protocol?: "http" | "https";
  } = {},
): void {
  linuxServeTest(
    name,
    (server) =>
      withPage(`${protocol}://${host}:${server.port}/`, async (open) => {
        await use(open, server);
        assert.deepEqual(open.elsewhere, []);
        assert.deepEqual(open.complaints(), []);
      }),
    args,
  );
}

const greet = async ({ page, enter, until }: OpenPage, name: string, answer: RegExp) => {
  await enter(name);
  await page.click("form button");
  await until("#facts", /time/);
  return await until("#greeting", answer);
};

/** What the browser says of an answer with an error, which no page can keep it from saying. */
const ERROR_STATUS = /^Failed to load resource: the server responded with a status of 400/;

pageTest("it greets, and shows the call as it went over the wire", async (open, { stdout }) => {
  const { page, text, until, complaints } = open;
  const source = await fetch(page.url());
  const policy = source.headers.get("content-security-policy")!;
  for (const kind of ["default-src", "base-uri", "form-action", "frame-ancestors"]) {
    assert.match(policy, new RegExp(`(^|; )${kind} 'none'(;|$)`));
  }
  assert.doesNotMatch(policy, /unsafe|\*|http/);
  assert.ok((await source.text()).split("\n").length <= 301, "the page is not short any more");

  // The keyboard alone: to the field, whose name is selected then.
  await page.keyboard.press("Tab");
  await page.keyboard.type("Жук");
  await page.keyboard.press("Enter");
  assert.equal(await until("#greeting", /./), "Привет, Жук!");
  assert.match(await text("#facts"), /^statusOKHTTP200time\d+\.\d ms$/);
  assert.match(
    await text("#request pre"),
    /^POST \/userservice\.UserService\/GetUser HTTP\/1\.1\n/,
  );
  assert.match(await text("#request pre"), /\ncontent-type: application\/json\n/);
  assert.match(await text("#request pre"), /\n\n\{"username":"Жук"\}$/);
  assert.match(
    await text("#reply pre"),
    /^HTTP\/1\.1 200 OK\n.*\n\n\{"message":"Привет, Жук!"\}$/s,
  );

  // An empty name: what is wrong, field by field.
  assert.equal(await greet(open, "", /./), "username is empty");
  assert.match(await text("#facts"), /^statusINVALID_ARGUMENTHTTP400/);
  assert.equal(await text("#violations"), "username: username is empty");
  assert.match(
    await text("#reply pre"),
    /^HTTP\/1\.1 400 Bad Request\n.*"code":"invalid_argument"/s,
  );
  const said = complaints();
  assert.ok(said.length === 1 && ERROR_STATUS.test(said[0]!), `${said}`);

  // Markup stays text, and a call is one record.
  assert.equal(await greet(open, NASTY, /it's/), `Привет, ${NASTY}!`);
  assert.equal(await page.$$eval("img", (images) => images.length), 0);
  assert.ok(await stdout.lines(4));
  assert.equal(stdout.lineCount, 4, stdout.text);
});

pageTest("it shows the very bytes that gRPC sends", async ({ enter, page }) => {
  const { GetUser } = (await loadContract()).UserService.service;
  for (const length of [0, 1, 63, 64, 256]) {
    const username = "я".repeat(length);
    // Of an empty text nothing is sent; proto-loader would write even that.
    const message = GetUser.requestSerialize(username === "" ? {} : { username });
    await enter(username);
    const shown = await page.$$eval(
      "#request .bytes span",
      (cells) => cells.map((cell) => cell.firstChild!.textContent).join(" "),
    );
    const prefix = [0, ...[24, 16, 8, 0].map((shift) => (message.length >>> shift) & 255)];
    const sent = [...prefix, ...message].map((byte) => byte.toString(16).padStart(2, "0"));
    // The rest of a long name is left out.
    const expected = length <= 60 ? sent : sent.slice(0, 5 + message.length - 2 * (length - 60));
    assert.equal(shown, expected.join(" "), `${length} characters`);
  }
});

pageTest("it plots a hundred calls with p50 and p99", async ({ page, until, text }, { stdout }) => {
  await page.click("#hundred");
  await until("#latency", /^calls100failed0/);
  await until("#hundred", /^Call 100 times$/);
  const [, p50, p99] = /p50([\d.]+) msp99([\d.]+) ms$/.exec(await text("#latency"))!;
  assert.ok(0 < Number(p50) && Number(p50) <= Number(p99), `p50 ${p50}, p99 ${p99}`);
  assert.equal(await page.$$eval("#plot circle", (circles) => circles.length), 100);
  assert.match(await text("#plot"), / msp50p99$/);
  assert.ok(await stdout.lines(101));
  assert.equal(stdout.lineCount, 101);
});

// So late that a hundred of them would not be made meanwhile.
pageTest("a hundred calls can be stopped", async ({ page, until, text }) => {
  await page.click("#hundred");
  await until("#latency", /^calls\d/);
  await page.click("#hundred");
  await until("#hundred", /^Call 100 times$/);
  const [, calls] = /^calls(\d+)/.exec(await text("#latency"))!;
  assert.ok(Number(calls) < 100, `${calls} calls were made`);
}, { args: ["--delay", "200ms"] });

/** Runs a command of the page in a folder of its own, where it finds the tools that it names. */
async function runCommand(command: string, env: Record<string, string> = {}): Promise<string> {
  return await withFolder(async (folder) => {
    const tools = {
      usersvc: shellCommand('"$@"'),
      grpcurl: `${await grpcurl()} "$@"`,
      python3: `${await python()} "$@"`,
      // What the Python command installs is there.
      pip: "",
    };
    for (const [tool, line] of Object.entries(tools)) {
      const exec = line === "" ? "" : `exec ${line}`;
      await Deno.writeTextFile(`${folder}/${tool}`, `#!/bin/sh\n${exec}\n`, { mode: 0o755 });
    }
    const { success, stdout, stderr } = await new Deno.Command("sh", {
      args: ["-c", command],
      cwd: folder,
      stdin: "null",
      // grpcio would ask the web's proxy even for this machine.
      env: { PATH: `${folder}:${Deno.env.get("PATH")}`, no_grpc_proxy: "localhost", ...env },
    }).output();
    const said = new TextDecoder().decode(stderr);
    assert.ok(success, `${command}\n${said}`);
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(stdout);
  });
}

const shownCommands = ({ page }: OpenPage) =>
  page.$$eval("#commands pre", (all) => all.map((command) => command.textContent ?? ""));

pageTest("the commands that it shows do the same, whatever the name", async (open) => {
  for (const name of [NASTY, "-"]) {
    await open.enter(name);
    const commands = await shownCommands(open);
    for (const command of commands) {
      // deno-lint-ignore no-control-regex
      assert.doesNotMatch(command, /[\0-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
    }
    const [curl, grpcurl, usersvc, python] = await Promise.all(
      commands.map((one) => runCommand(one)),
    );
    const message = `Привет, ${name}!`;
    assert.deepEqual(JSON.parse(curl!), { message });
    assert.deepEqual(JSON.parse(grpcurl!), { message });
    assert.equal(usersvc, `${message}\n`);
    assert.equal(python, `${message}\n`);
  }
});

const copied = ({ page }: Pick<OpenPage, "page">) =>
  page.evaluate(() =>
    (navigator as unknown as { clipboard: { readText(): Promise<string> } }).clipboard.readText()
  );

pageTest("each command is copied by a button", async (open) => {
  const { page } = open;
  await page.browserContext().overridePermissions(new URL(page.url()).origin, [
    ...["clipboard-read", "clipboard-sanitized-write"] as const,
  ]);
  await open.enter(NASTY);
  const buttons = await page.$$("#commands button");
  const commands = await shownCommands(open);
  assert.equal(buttons.length, 4);
  for (const [at, button] of buttons.entries()) {
    await button.click();
    await open.until(`#commands > :nth-child(${at + 1}) button`, /^Copied /);
    assert.equal(await copied(open), commands[at]);
  }
});

pageTest("where a page has no clipboard, a command is copied too", async (open, { port }) => {
  const { page } = open;
  await (await page.$("#commands button"))!.click();
  await open.until("#commands button", /^Copied /);
  const [curl] = await shownCommands(open);
  assert.match(curl!, new RegExp(`^curl http://${INSECURE_HOST}:${port}/`));
  // Only here can the clipboard be read.
  const origin = `http://localhost:${port}`;
  await page.browserContext().overridePermissions(origin, ["clipboard-read"]);
  const secure = await page.browser().newPage();
  await secure.goto(`${origin}/`);
  assert.equal(await copied({ page: secure }), curl);
}, { host: INSECURE_HOST });

pageTest("health turns at SIGTERM, and the call in flight is answered", async (open, server) => {
  const { page, until, complaints } = open;
  await until("#health", /^SERVING$/);
  await page.click("form button");
  await server.stdout.until(/Alice/);
  server.kill("SIGTERM");
  await until("#health", /^NOT_SERVING$/);
  assert.equal(await until("#greeting", /./), "Привет, Alice!");
  assert.equal((await server.ended()).code, 0);
  await until("#health", /^NO_ANSWER$/);
  await page.click("form button");
  await until("#facts", /^statusUNAVAILABLE/);
  // It has failed, but has no latency.
  await until("#latency", /^calls2failed1p50/);
  assert.match(await until("#states", /SERVING.*$/), /^\d\d:\d\d:\d\dNO_ANSWER.*SERVING/);
  for (const complaint of complaints()) assert.match(complaint, /^Failed to load resource: /);
}, { args: ["--delay", "2s"] });

pageTest("a call that waits says so, and can be cancelled", async (open, { stderr }) => {
  const { page, until, text } = open;
  const busy = () => page.$eval("#answer", (area) => area.getAttribute("aria-busy"));
  await page.click("#call");
  await until("#call", /^Cancel$/);
  assert.equal(await text("#facts"), "statuswaiting for the answer");
  assert.equal(await busy(), "true");
  assert.ok(await page.$eval("#hundred", (button) => button.matches(":disabled")));
  await page.click("#call");
  assert.equal(await until("#greeting", /./), "you have cancelled the call");
  await until("#call", /^Greet$/);
  assert.match(await text("#facts"), /^statusCANCELLED/);
  assert.equal(await busy(), "false");
  assert.equal(await text("#latency"), "");
  await stderr.until(/CANCELLED/);
}, { args: ["--delay", "1m"] });

pageTest("controls of direction in a name reorder nothing around it", async (open) => {
  assert.equal(await greet(open, "\u202eabc", /abc/), "Привет, \u202eabc!");
  for (const selector of ["#greeting", "#request pre", "#reply pre"]) {
    // Where the last two characters of the element are.
    const [before, last] = await open.page.evaluate(`{
      const text = document.querySelector(${JSON.stringify(selector)}).lastChild;
      [2, 1].map((fromEnd) => {
        const range = document.createRange();
        range.setStart(text, text.length - fromEnd);
        range.setEnd(text, text.length - fromEnd + 1);
        return range.getBoundingClientRect().left;
      })}`) as number[];
    assert.ok(before! < last!, `${selector}: ${before}, ${last}`);
  }
});

/** What axe-core has found: rules for people who cannot see, use a mouse or tell colours apart. */
async function violations({ page }: OpenPage): Promise<string[]> {
  const { default: { source } } = await import("axe-core");
  await page.evaluate(source);
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: typeof axe }).axe.run()
  );
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(", ")}`);
}

linuxServeTest(
  "it is accessible in both themes, and fits a phone",
  ({ port }) =>
    withPage(`http://localhost:${port}/`, async (open) => {
      const { page } = open;
      // axe-core writes markup, which the page's policy forbids.
      await page.setBypassCSP(true);
      await page.reload();
      for (const [width, value] of [[1280, "light"], [375, "dark"]] as const) {
        await page.setViewport({ width, height: 760 });
        await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value }]);
        for (const [name, answer] of [["W".repeat(256), /^Привет/], ["", /empty/]] as const) {
          await greet(open, name, answer);
          assert.deepEqual(await violations(open), [], `${width} ${value} ${name}`);
          const wide = await page.evaluate("document.documentElement.scrollWidth");
          assert.equal(wide, width, `${name} is wider than the window`);
          // Code is scrolled: it has no more lines than its text.
          const broken = await page.evaluate(`
              [...document.querySelectorAll("pre")].filter((code) => {
                const range = document.createRange();
                range.selectNodeContents(code);
                const tops = new Set([...range.getClientRects()].map(({ top }) => Math.round(top)));
                return tops.size > code.textContent.split("\\n").length;
              }).map((code) => code.textContent)`);
          assert.deepEqual(broken, []);
        }
      }
    }),
);

const certs = `${root}tests/certs`;

pageTest("over HTTPS it speaks HTTP/2, and so do its commands", async (open) => {
  assert.equal(await greet(open, "Alice", /./), "Привет, Alice!");
  assert.match(await open.text("#request pre"), /^POST \S+ HTTP\/2\n:authority: localhost/);
  const [curl, grpcurl, usersvc] = await shownCommands(open);
  const ca = `${certs}/ca.pem`;
  assert.equal(await runCommand(usersvc!, { USERSVC_TLS_CA: ca }), "Привет, Alice!\n");
  assert.equal(await runCommand(curl!, { CURL_CA_BUNDLE: ca }), '{"message":"Привет, Alice!"}');
  assert.equal(
    JSON.parse(await runCommand(grpcurl!, { SSL_CERT_FILE: ca })).message,
    "Привет, Alice!",
  );
}, {
  protocol: "https",
  args: ["--tls-cert", `${certs}/server.pem`, "--tls-key", `${certs}/server.key`],
});

if (pictureFile !== undefined) {
  linuxServeTest(
    "a picture of the page is written",
    ({ port }) =>
      withPage(`http://localhost:${port}/`, async (open) => {
        await open.page.setViewport({ width: 1000, height: 786 });
        await open.until("#health", /^SERVING$/);
        // The first call takes longer than others.
        for (const name of ["Bob", "Alice"]) await greet(open, name, new RegExp(name));
        await open.page.mouse.move(0, 0);
        await open.page.screenshot({ path: pictureFile as `${string}.png` });
      }),
    ["--port", "50051"],
  );
}
