import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { join } from "node:path";
import type { Browser, Locator, Page } from "playwright-core";
import { anyPort, createBinaryHome, type BinaryHome } from "./support/binary.ts";
import { mebibyte, randomBlob } from "./support/blobs.ts";
import { hasChromium, launchChromium } from "./support/chromium.ts";
import type { Registry } from "./support/observation.ts";

describe.skipIf(!hasChromium("Swagger UI"))("Swagger UI in a browser", () => {
  let home: BinaryHome;
  let registry: Registry;
  let browser: Browser;

  beforeAll(async () => {
    home = createBinaryHome();
    registry = await home.start([...anyPort, "--embedded", "data"]);
    browser = await launchChromium();
  });

  afterAll(async () => {
    await browser.close();
    await home.remove();
  });

  const origin = (): string => `http://localhost:${registry.port()}`;

  interface OpenPage {
    readonly page: Page;
    /** What the browser asked for, and what it complained of. */
    readonly urls: readonly string[];
    readonly complaints: readonly string[];
  }

  async function openSwagger(): Promise<OpenPage> {
    const page = await browser.newPage();
    const urls: string[] = [];
    const complaints: string[] = [];
    page.on("request", (request) => urls.push(request.url()));
    page.on("requestfailed", (request) => complaints.push(`failed: ${request.url()}`));
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    await page.goto(`${origin()}/swagger`);
    return { page, urls, complaints };
  }

  /** Opens an operation and makes its form ready. */
  async function tryOut(page: Page, operation: string): Promise<Locator> {
    const block = page.locator(`#operations-${operation}`);
    await block.locator(".opblock-summary-control").click();
    await block.getByRole("button", { name: "Try it out" }).click();
    return block;
  }

  async function execute(block: Locator): Promise<Locator> {
    await block.getByRole("button", { name: "Execute" }).click();
    const live = block.locator(".live-responses-table");
    await live.waitFor();
    return live;
  }

  /** Uploads by the form of saveMetadata; gives the hash that the page shows. */
  async function uploadByForm(page: Page, bytes: Uint8Array): Promise<string> {
    const file = join(home.newDirectory(), "metadata.bin");
    await Bun.write(file, bytes);
    const block = await tryOut(page, "Metadata-saveMetadata");
    await block.locator("input[type=file]").setInputFiles(file);
    const live = await execute(block);
    expect(await live.locator(".response .response-col_status").innerText()).toStartWith("200");
    const shown = await live.locator(".response .highlight-code code").first().innerText();
    return (JSON.parse(shown) as { readonly hash: string }).hash;
  }

  /** Downloads by the form of loadMetadata, as a file. */
  async function downloadByForm(page: Page, hash: string): Promise<Uint8Array> {
    const block = await tryOut(page, "Metadata-loadMetadata");
    await block.locator("tr[data-param-name=hash] input").fill(hash);
    const live = await execute(block);
    expect(await live.locator(".response .response-col_status").innerText()).toStartWith("200");
    const saved = page.waitForEvent("download");
    await live.getByText("Download file").click();
    return await Bun.file(await (await saved).path()).bytes();
  }

  it.each([
    ["of 100 kB", 100_000],
    ["of 3 MiB", 3 * mebibyte],
    ["of 9 MiB, which comes chunked", 9 * mebibyte],
  ])("a file %s is uploaded, and downloaded as it was", async (_, size) => {
    const bytes = randomBlob(size);
    const { page } = await openSwagger();
    const hash = await uploadByForm(page, bytes);
    expect(Buffer.compare(await downloadByForm(page, hash), bytes)).toBe(0);
    await page.close();
  });

  it("the browser asks no other host for anything, and has nothing to complain of", async () => {
    const { page, urls, complaints } = await openSwagger();
    await downloadByForm(page, await uploadByForm(page, randomBlob(600)));
    for (const summary of await page.locator(".opblock-summary-control").all()) {
      if ((await summary.getAttribute("aria-expanded")) === "false") await summary.click();
    }
    await page.waitForLoadState("networkidle");
    await page.close();
    expect(urls).toContain(`${origin()}/swagger/json`);
    const strangers = urls.filter((url) => !url.startsWith(`${origin()}/`));
    expect(strangers.filter((url) => !/^(data|blob):/.test(url))).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it("the page shows every operation of the document", async () => {
    const { page } = await openSwagger();
    await page.locator(".opblock").first().waitFor();
    const shown = await page.locator(".opblock-summary-path").allInnerTexts();
    const { paths } = (await (await fetch(`${origin()}/swagger/json`)).json()) as {
      readonly paths: Readonly<Record<string, object>>;
    };
    // The page puts places where a line may break into long paths.
    const texts = shown.map((text) => text.replaceAll("\u200b", ""));
    const expected = Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations).map(() => path),
    );
    expect(texts.toSorted()).toEqual(expected.toSorted());
    await page.close();
  });
});
