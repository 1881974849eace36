import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { join } from "node:path";
import axe from "axe-core";
import type { Browser, BrowserContextOptions, FileChooser, Locator, Page } from "playwright-core";
import { anyPort, createBinaryHome, type BinaryHome } from "./support/binary.ts";
import { randomBlob } from "./support/blobs.ts";
import { hasChromium, launchChromium } from "./support/chromium.ts";
import type { Registry } from "./support/observation.ts";

const phone = { width: 360, height: 640 };
const desk = { width: 1280, height: 800 };
const kibibyte = 1024;

describe.skipIf(!hasChromium("the home page"))("the home page", () => {
  let home: BinaryHome;
  let registry: Registry;
  let browser: Browser;

  beforeAll(async () => {
    home = createBinaryHome();
    registry = await start();
    browser = await launchChromium();
  });

  afterAll(async () => {
    await browser.close();
    await home.remove();
  });

  function start(...flags: string[]): Promise<Registry> {
    const limits = ["--max-blob-size", "64KiB"];
    const embedded = ["--embedded", home.newDirectory()];
    const words = [...anyPort, ...embedded, ...limits, "--cdn-domain", "cdn.test"];
    return home.start([...words, ...flags]);
  }

  const originOf = ({ port }: Registry): string => `http://cdn.test:${port()}`;

  interface OpenPage {
    readonly page: Page;
    /** What the browser complained of, and asked others for. */
    readonly complaints: readonly string[];
    readonly strangers: readonly string[];
  }

  async function open(options: BrowserContextOptions = {}, at = registry): Promise<OpenPage> {
    const page = await browser.newPage({ viewport: desk, ...options });
    const complaints: string[] = [];
    const strangers: string[] = [];
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(`${originOf(at)}/`) && !url.startsWith("data:")) strangers.push(url);
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    await page.goto(`${originOf(at)}/`);
    return { page, complaints, strangers };
  }

  const buttonOf = (page: Page): Locator => page.getByRole("button", { name: "Upload" });

  async function newFile(bytes: Uint8Array): Promise<string> {
    const file = join(home.newDirectory(), "blob.bin");
    await Bun.write(file, bytes);
    return file;
  }

  /** Uploads a file by the form; gives what the page says then. */
  async function upload(page: Page, bytes: Uint8Array): Promise<string> {
    await page.getByLabel("File").setInputFiles(await newFile(bytes));
    await buttonOf(page).click();
    return await outcomeOf(page);
  }

  async function outcomeOf(page: Page): Promise<string> {
    await page.locator("#outcome :is(.outcome, .wrong)").waitFor();
    return await page.getByRole("status").innerText();
  }

  /** What axe-core finds, rule by rule. */
  async function violationsOn(page: Page): Promise<string[]> {
    await page.evaluate(axe.source); // not a script element, which the page's policy forbids
    const { violations } = await page.evaluate<axe.AxeResults>("axe.run()");
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
  }

  /** For whoever changes the page and wants to see it: SCREENSHOTS=DIR bun test … */
  async function photograph(page: Page, name: string): Promise<void> {
    const directory = process.env["SCREENSHOTS"];
    if (directory === undefined) return;
    await page.screenshot({ path: join(directory, `${name}.png`), fullPage: true });
  }

  it("uploads a file, shows its key, and links that give it back", async () => {
    const bytes = randomBlob(700);
    const { page, complaints, strangers } = await open();
    expect(await upload(page, bytes)).toContain("The blob is stored.");
    expect(strangers).toEqual([]);
    const key = await page.locator("#outcome .key").innerText();
    expect(key).toMatch(/^[0-9a-f]{64}$/);
    const links = await page.locator("#outcome a").all();
    expect(await Promise.all(links.map((link) => link.getAttribute("href")))).toEqual([
      `${originOf(registry)}/api/v1/metadata/${key}`,
      `http://${key.slice(0, 32)}.cdn.test:${registry.port()}/`,
    ]);
    for (const link of links) {
      const saved = page.waitForEvent("download");
      await link.click();
      const given = await Bun.file(await (await saved).path()).bytes();
      expect(Buffer.compare(given, bytes)).toBe(0);
    }
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("tells that a blob was here before", async () => {
    const bytes = randomBlob(1);
    const { page } = await open();
    await upload(page, bytes);
    await page.reload();
    expect(await upload(page, bytes)).toMatch(/^The blob was here already\.\s+Key\s[^]*\s1 byte\s/);
    await page.close();
  });

  it("tells why an upload was refused, and takes the next one", async () => {
    const { page } = await open();
    const refusal = await upload(page, randomBlob(64 * kibibyte + 1));
    expect(refusal).toStartWith("A blob may have at most 65536 bytes");
    await page.reload();
    expect(await upload(page, randomBlob(64 * kibibyte))).toContain("The blob is stored.");
    await page.close();
  });

  it("tells that an upload broke off, and sends it again when it is asked to", async () => {
    const leaving = await start();
    const { page } = await open({}, leaving);
    await leaving.kill("SIGKILL");
    expect(await upload(page, randomBlob(10))).toStartWith("The upload broke off: ");
    expect(await buttonOf(page).getAttribute("aria-disabled")).toBeNull();
    await page.close();
  });

  it("asks for a token where one is needed, forgets it, and tells why one is no good", async () => {
    const [token, old] = ["a-token-of-this-test", "a-token-of-another-year"];
    const file = await newFile(new TextEncoder().encode(`${token}\n${old} 2020-01-01T00:00:00Z\n`));
    const guarded = await start("--upload-token-file", file);
    const { page } = await open({}, guarded);
    const field = page.getByLabel("Token", { exact: true });
    expect(await field.isVisible()).toBe(false);
    expect(await upload(page, randomBlob(100))).toStartWith("Uploading here takes a token.");
    expect(await field.evaluate("document.activeElement.id")).toBe("token");
    expect(await violationsOn(page)).toEqual([]);
    await photograph(page, "home-token");
    for (const [typed, why] of [
      ["another-token-than-that", "This registry does not know the token"],
      [old, "The token has expired"],
      ["kein Wörtchen", "What is entered is no token"],
      [` ${token} `, "The blob is stored."],
    ] as const) {
      await field.fill(typed);
      await page.keyboard.press("Enter");
      await page.getByRole("status").getByText(why).waitFor();
    }
    expect(page.url()).toBe(`${originOf(guarded)}/`);
    const kept = "JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])";
    expect(await page.evaluate(kept)).toBe('[{},{},""]');
    await page.reload();
    expect([await field.inputValue(), await field.isVisible()]).toEqual(["", false]);
    await page.close();
    await guarded.kill();
  });

  it.each([
    ["a phone", phone, "light"],
    ["a phone in the dark", phone, "dark"],
    ["a desk", desk, "light"],
    ["a desk in the dark", desk, "dark"],
  ] as const)("on %s, axe-core has nothing to say, and all of it is in sight", async (...row) => {
    const [, viewport, colorScheme] = row;
    const { page } = await open({ viewport, colorScheme });
    const name = `home-${viewport.width}-${colorScheme}`;
    for (const [moment, size] of [
      ["opened", null],
      ["stored", 300],
      ["refused", 65 * kibibyte],
    ] as const) {
      if (size !== null) {
        await page.reload();
        await upload(page, randomBlob(size));
      }
      await photograph(page, `${name}-${moment}`);
      expect(await violationsOn(page)).toEqual([]);
      expect(await page.evaluate(widthBeyondSight)).toBe(0);
    }
    await page.close();
  });

  it("works by the keyboard alone", async () => {
    const { page } = await open();
    const bytes = randomBlob(20);
    const choosers: FileChooser[] = [];
    page.on("filechooser", (chooser) => choosers.push(chooser));
    await page.keyboard.press("Tab");
    // Until the browser has begun to tell of choosers, it opens one that nobody sees.
    while (choosers.length === 0) {
      await page.keyboard.press("Space");
      await Bun.sleep(200);
    }
    await choosers[0]?.setFiles(await newFile(bytes));
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    expect(await outcomeOf(page)).toContain("The blob is stored.");
    const focused = [];
    for (let step = 0; step < 6; step += 1) {
      focused.push(await page.evaluate(focusedElement));
      await page.keyboard.press("Tab");
    }
    const key = await page.locator("#outcome .key").innerText();
    expect(focused).toEqual([
      "Upload",
      `${originOf(registry)}/api/v1/metadata/${key}`,
      `http://${key.slice(0, 32)}.cdn.test:${registry.port()}/`,
      `${originOf(registry)}/swagger`,
      `${originOf(registry)}/openapi.yaml`,
      `${originOf(registry)}/readyz`,
    ]);
    await page.close();
  });

  it("uploads without JavaScript, too", async () => {
    const { page } = await open({ javaScriptEnabled: false });
    const bytes = randomBlob(50);
    await page.getByLabel("File").setInputFiles(await newFile(bytes));
    const answering = page.waitForResponse("**/api/v1/metadata");
    await buttonOf(page).click();
    const answer = await answering;
    expect(answer.status()).toBe(200);
    const { hash } = (await answer.json()) as { readonly hash: string };
    const given = await fetch(`${registry.api()}/${hash}`);
    expect(Buffer.compare(await given.bytes(), bytes)).toBe(0);
    await page.close();
  });

  it("may ask no other host for anything, whatever is put into it", async () => {
    const asked: string[] = [];
    const stranger = Bun.serve({
      port: 0,
      fetch(request) {
        asked.push(request.url);
        return new Response("");
      },
    });
    const { page } = await open();
    const forbidden = await page.evaluate(askingOf(`http://stranger.test:${stranger.port}`));
    expect(forbidden).toEqual([
      "connect-src",
      "form-action",
      "frame-src",
      "img-src",
      "script-src-elem",
      "script-src-elem",
      "style-src-attr",
      "style-src-elem",
    ]);
    expect(page.url()).toBe(`${originOf(registry)}/`);
    await page.close();
    await stranger.stop(true);
    expect(asked).toEqual([]);
  });
});

// --- internal ---

// Written as text: these run in the browser, whose names the tests do not know.

const widthBeyondSight =
  "document.documentElement.scrollWidth - document.documentElement.clientWidth";

const focusedElement = "document.activeElement.href ?? document.activeElement.textContent";

/** Tries every way to another host; gives the directives that were violated, in order. */
const askingOf = (stranger: string): string => `(async (stranger) => {
  const violated = [];
  document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => {
    violated.push(effectiveDirective);
  });
  const add = (name, attributes) => {
    const element = Object.assign(document.createElement(name), attributes);
    document.body.append(element);
    return element;
  };
  add("img", { src: stranger });
  add("iframe", { src: stranger });
  add("script", { src: stranger });
  add("script", { textContent: "document.title = 'taken'" });
  add("link", { rel: "stylesheet", href: stranger });
  add("p", {}).setAttribute("style", "color: red");
  add("form", { action: stranger, method: "post" }).submit();
  await fetch(stranger, { method: "POST", mode: "no-cors" }).catch(() => {});
  while (violated.length < 8) await new Promise((resolve) => setTimeout(resolve, 10));
  return violated.sort();
})(${JSON.stringify(stranger)})`;
