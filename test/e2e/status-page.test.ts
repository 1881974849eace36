import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { join } from "node:path";
import axe from "axe-core";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { parseExposition } from "../support/exposition.ts";
import { uploaderBody } from "../support/form.ts";
import { freePort } from "../support/ports.ts";
import { eventually } from "../support/registry.ts";
import { anyPort, createBinaryHome, type BinaryHome } from "./support/binary.ts";
import { randomBlob } from "./support/blobs.ts";
import { hasChromium, launchChromium } from "./support/chromium.ts";
import type { Registry } from "./support/observation.ts";

const phone = { width: 360, height: 740 };
const desk = { width: 1280, height: 800 };
const wall = { width: 2560, height: 1300 };

describe.skipIf(!hasChromium("the status page"))("the status page", () => {
  let home: BinaryHome;
  let registry: Registry;
  let browser: Browser;
  let origin: string;

  beforeAll(async () => {
    home = createBinaryHome();
    const { start, url } = await place();
    origin = url;
    registry = await start();
    await use(registry);
    browser = await launchChromium();
  });

  afterAll(async () => {
    await browser.close();
    await home.remove();
  });

  /** A store and a port for a registry that may be started again. */
  async function place(...more: string[]) {
    const port = await freePort();
    const where = ["--embedded", home.newDirectory(), "--metrics-port", String(port)];
    const start = async () => await home.start([...anyPort, ...where, ...more]);
    return { start, url: `http://127.0.0.1:${port}` };
  }

  interface OpenPage {
    readonly page: Page;
    /** What the browser complained of, and asked others for. */
    readonly complaints: readonly string[];
    readonly strangers: readonly string[];
  }

  async function open(options: BrowserContextOptions = {}, url = origin): Promise<OpenPage> {
    const page = await browser.newPage({ viewport: desk, ...options });
    const complaints: string[] = [];
    const strangers: string[] = [];
    page.on("request", (request) => {
      const asked = request.url();
      if (!asked.startsWith(`${url}/status`) && !asked.startsWith("data:")) strangers.push(asked);
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    await page.goto(`${url}/status`);
    return { page, complaints, strangers };
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

  const textOf = async (page: Page, selector: string): Promise<string> =>
    (await page.locator(selector).innerText()).replaceAll("\u00a0", " ");

  it("draws the last minutes as soon as it is opened, in all charts", async () => {
    const { page, complaints, strangers } = await open();
    await page.locator("#panel-loop canvas").waitFor();
    // Times of what was done in the first two seconds are one dot, which is a line all the same.
    await eventually(async () => (await page.evaluate<string[]>(emptyCharts)).length === 0);
    expect(await textOf(page, "#ready")).toBe("Ready");
    expect(await page.locator("#link").isVisible()).toBe(false);
    expect(complaints).toEqual([]);
    expect(strangers).toEqual([]);
    await page.close();
  });

  it("shows what /metrics tells, and keeps up", async () => {
    const { page } = await open();
    const read = async (id: string): Promise<number> =>
      Number((await textOf(page, `#total-${id}`)).replaceAll(",", ""));
    const shown = async (): Promise<readonly number[]> =>
      await Promise.all(["answers-2xx", "stored", "cache-hits", "cache-misses"].map(read));
    const before = await metricsOf(origin);
    await eventually(async () => Bun.deepEquals(await shown(), before));
    await use(registry);
    const after = await metricsOf(origin);
    expect(after).not.toEqual(before);
    await eventually(async () => Bun.deepEquals(await shown(), after));
    expect(await textOf(page, "#codes")).toMatch(/^invalid_key_length\s+(\d+)\s+\1$/);
    await page.close();
  });

  it.each([
    ["a phone", phone, "light"],
    ["a phone in the dark", phone, "dark"],
    ["a desk", desk, "light"],
    ["a desk in the dark", desk, "dark"],
    ["a wall", wall, "dark"],
  ] as const)("on %s, axe-core has nothing to say, and all of it is in sight", async (...row) => {
    const [, viewport, colorScheme] = row;
    const { page } = await open({ viewport, colorScheme });
    await page.locator("#panel-loop canvas").waitFor();
    await photograph(page, `status-${viewport.width}-${colorScheme}`);
    expect(await violationsOn(page)).toEqual([]);
    expect(await page.evaluate(widthBeyondSight)).toBe(0);
    expect(await page.evaluate(cutTexts)).toEqual([]);
    await page.close();
  });

  it("takes the width and the colours that it is given", async () => {
    const { page } = await open();
    await page.locator("#panel-loop canvas").waitFor();
    await page.setViewportSize(phone);
    await page.emulateMedia({ colorScheme: "dark" });
    expect(await page.evaluate(widthBeyondSight)).toBe(0);
    await eventually(async () => (await page.evaluate<string[]>(emptyCharts)).length === 0);
    await page.close();
  });

  it("shows the figures of a moment under the pointer", async () => {
    const { page } = await open();
    await page.locator("#panel-memory .u-over").hover();
    await page
      .locator("#panel-cpu .moment")
      .getByText(/^\d\d:\d\d:\d\d$/)
      .waitFor();
    await page.mouse.move(0, 0);
    await page.locator("#panel-cpu .moment").getByText("now").waitFor();
    await page.close();
  });

  it("tells that the registry has gone, and goes on when it is back", async () => {
    const { start, url } = await place();
    const first = await start();
    const { page } = await open({}, url);
    await page.locator("#panel-loop canvas").waitFor();
    await first.kill("SIGKILL");
    await page.getByText("The registry does not answer.").waitFor();
    await page.getByText(/^No answer for [3-9]\ss\.$/).waitFor();
    await photograph(page, "status-gone");
    expect(await violationsOn(page)).toEqual([]);
    const second = await start();
    await page.locator("#link").waitFor({ state: "hidden" });
    await use(second);
    await page.locator("#total-stored").getByText("1", { exact: true }).waitFor();
    await page.close();
  });

  it("tells that the registry is stopping", async () => {
    const { start, url } = await place("--drain-delay", "1h");
    const leaving = await start();
    const { page } = await open({}, url);
    process.kill(leaving.pid, "SIGTERM");
    await page.getByText("The registry is stopping").waitFor();
    expect(await textOf(page, "#ready")).toBe("Not ready: lifecycle: stopping");
    await page.close();
  });

  it("shows its figures without JavaScript, too", async () => {
    const { page } = await open({ javaScriptEnabled: false });
    const [answers] = await metricsOf(origin);
    expect(await textOf(page, "#total-answers-2xx")).toBe(`${answers}`);
    expect(await textOf(page, "#panel-memory .now >> nth=0")).toMatch(/^\d[\d.]* MiB$/);
    expect(await textOf(page, "noscript p")).toContain(" UTC.");
    await page.close();
  });

  it("shows nothing to a page elsewhere whose name was pointed here", async () => {
    const page = await browser.newPage();
    const { port } = new URL(origin);
    for (const path of ["/status", "/status/data", "/metrics"]) {
      const response = await page.goto(`http://elsewhere.test:${port}${path}`);
      expect(response?.status()).toBe(421);
    }
    await page.close();
  });
});

// --- internal ---

/** What was answered with 2xx, stored, and read from the cache and past it, by /metrics. */
async function metricsOf(origin: string): Promise<readonly number[]> {
  const exposed = parseExposition(await (await fetch(`${origin}/metrics`)).text());
  const requests = exposed.get("http_server_request_duration_seconds")?.samples ?? new Map();
  let answers = 0;
  for (const [id, count] of requests) if (/_count\{.*code="2/.test(id)) answers += count;
  const totals = ["registry_blobs_stored", "registry_cache_hits", "registry_cache_misses"];
  const valueOf = (name: string) => exposed.get(`${name}_total`)?.samples.get(`${name}_total`) ?? 0;
  return [answers, ...totals.map(valueOf)];
}

/** Does a bit of everything. */
async function use(registry: Registry): Promise<void> {
  const { contentType, body } = uploaderBody(randomBlob(1000));
  const headers = { "Content-Type": contentType };
  const uploaded = await fetch(registry.api(), { method: "POST", body, headers });
  const { hash } = (await uploaded.json()) as { readonly hash: string };
  for (let n = 0; n < 20; n += 1) await (await fetch(`${registry.api()}/${hash}`)).bytes();
  await fetch(`${registry.api()}/short`);
}

// Written as text: these run in the browser, whose names the tests do not know.

const widthBeyondSight =
  "document.documentElement.scrollWidth - document.documentElement.clientWidth";

/** Cells whose text is longer than they are wide. */
const cutTexts = `[...document.querySelectorAll("th, td, dd, h2")]
  .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth + 1)
  .map(({ textContent }) => textContent)`;

/** Charts on which nothing has a colour: axes and grid are grey. */
const emptyCharts = `[...document.querySelectorAll("canvas")]
  .filter((chart) => {
    const { width, height } = chart;
    const copy = Object.assign(document.createElement("canvas"), { width, height });
    const context = copy.getContext("2d", { willReadFrequently: true });
    context.drawImage(chart, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    for (let place = 0; place < data.length; place += 4) {
      const [red, green, blue, opacity] = data.subarray(place, place + 4);
      const spread = Math.max(red, green, blue) - Math.min(red, green, blue);
      if (opacity > 200 && spread > 60) return false;
    }
    return true;
  })
  .map((chart) => chart.closest("section").id)`;
