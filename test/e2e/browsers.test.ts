import { afterAll, beforeAll, beforeEach, describe, expect, it } from "bun:test";
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Browser, ConsoleMessage, Page } from "playwright-core";
import type { NewBlob } from "../../src/domain/blob-store.ts";
import { toHex, type Bytes } from "../../src/domain/bytes.ts";
import { randomBlob, toBlob } from "../support/blobs.ts";
import { utf8 } from "../support/form.ts";
import { anyPort, createBinaryHome, type BinaryHome } from "./support/binary.ts";
import { upload } from "./support/blobs.ts";
import { hasChromium, launchChromium } from "./support/chromium.ts";
import type { Registry } from "./support/observation.ts";

/** What a page gets to see of an answer. */
interface Seen {
  readonly status: number;
  readonly fields: Readonly<Record<string, string>>;
  readonly text: string;
  readonly bytes: readonly number[];
}

/** One pixel. */
const png = Uint8Array.fromBase64(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNg+M/wHwAEAQH/rJ8fYAAAAABJRU5ErkJggg==",
);

describe.skipIf(!hasChromium("what pages may do"))("pages in a browser", () => {
  let home: BinaryHome;
  let registry: Registry;
  let browser: Browser;
  let pages: Bun.Server<undefined>;
  /** What blobs asked for that ran as scripts, in this test. */
  const cries: string[] = [];

  beforeAll(async () => {
    home = createBinaryHome();
    pages = Bun.serve({ port: 0, fetch: servePage });
    const names = ["--cdn-domain", "cdn.test", "--upload-origin", originOf("listed")];
    registry = await home.start([...anyPort, "--embedded", "data", ...names]);
    browser = await launchChromium();
  });

  afterAll(async () => {
    await browser.close();
    await pages.stop(true);
    await home.remove();
  });

  beforeEach(() => void cries.splice(0));

  /** Pages with nothing on them, on every host; at /isolated one that embeds by consent alone. */
  function servePage({ url }: Request): Response {
    const { pathname } = new URL(url);
    if (pathname === "/ran") cries.push(url);
    const isolated = { "Cross-Origin-Embedder-Policy": "require-corp" };
    return new Response("<!doctype html><title>a page</title><body></body>", {
      headers: { "Content-Type": "text/html", ...(pathname === "/isolated" ? isolated : {}) },
    });
  }

  const originOf = (host: string): string => `http://${host}.test:${pages.port}`;
  const ownOrigin = (): string => `http://cdn.test:${registry.port()}`;
  const apiPath = "/api/v1/metadata";
  const pathOf = ({ hash }: NewBlob): string => `${ownOrigin()}${apiPath}/${toHex(hash)}`;
  const nameOf = ({ hash }: NewBlob): string =>
    `http://${toHex(hash).slice(0, 32)}.cdn.test:${registry.port()}/`;

  async function openAt(url: string): Promise<Page> {
    const page = await browser.newPage();
    await page.goto(url);
    return page;
  }

  /** A blob that is stored. */
  async function stored(data: Bytes): Promise<NewBlob> {
    await upload(registry.api(), data);
    return toBlob(data);
  }

  const storedStatus = async (blob: NewBlob): Promise<number> =>
    (await fetch(`${registry.api()}/${toHex(blob.hash)}`, { method: "HEAD" })).status;

  /** Reads as a script of the page does. */
  async function read(page: Page, url: string, fields: Record<string, string> = {}): Promise<Seen> {
    return await page.evaluate(
      async (asked) => {
        const response = await fetch(asked.url, { headers: asked.fields, cache: "no-store" });
        const content = new Uint8Array(await response.arrayBuffer());
        return {
          status: response.status,
          fields: Object.fromEntries(response.headers.entries()),
          text: new TextDecoder().decode(content),
          bytes: [...content],
        };
      },
      { url, fields },
    );
  }

  /** Sends a blob as a script of the page does; "blocked" when the answer is kept from it. */
  async function send(page: Page, blob: NewBlob, method: "POST" | "PUT"): Promise<string> {
    const url = method === "PUT" ? pathOf(blob) : `${ownOrigin()}${apiPath}`;
    return await page.evaluate(
      async ({ url: target, method: by, bytes }) => {
        const form = new FormData();
        form.set("data", new Blob([new Uint8Array(bytes)]));
        const body = by === "PUT" ? new Uint8Array(bytes) : form;
        try {
          const response = await fetch(target, { method: by, body });
          const { hash, code } = (await response.json()) as Record<string, string>;
          return `${response.status} ${hash ?? code}`;
        } catch {
          return "blocked";
        }
      },
      { url, method, bytes: [...blob.data] },
    );
  }

  describe("of another origin", () => {
    it.each([
      ["by path", pathOf],
      ["by name", nameOf],
    ])("read a blob %s, and all that is said of it", async (_, urlOf) => {
      const blob = await stored(randomBlob(300).data);
      const page = await openAt(originOf("other"));
      const { status, bytes, fields } = await read(page, urlOf(blob));
      expect({ status, bytes }).toEqual({ status: 200, bytes: [...blob.data] });
      expect(fields).toMatchObject({
        etag: `"${toHex(blob.hash)}"`,
        "content-length": "300",
        "accept-ranges": "bytes",
        "last-modified": expect.stringMatching(/ GMT$/),
        "cache-control": "public, max-age=31536000, immutable",
      });
      await page.close();
    });

    it.each([
      ["by path", pathOf],
      ["by name", nameOf],
    ])("send conditions, ranges and wishes %s", async (_, urlOf) => {
      const blob = await stored(randomBlob(300).data);
      const page = await openAt(originOf("other"));
      const digest = createHash("sha256").update(blob.data).digest("base64");
      const part = await read(page, urlOf(blob), {
        Range: "bytes=10-19",
        "If-Range": `"${toHex(blob.hash)}"`,
        "Want-Repr-Digest": "sha-256=9",
      });
      expect({ status: part.status, bytes: part.bytes }).toEqual({
        status: 206,
        bytes: [...blob.data.subarray(10, 20)],
      });
      expect(part.fields).toMatchObject({
        "content-range": "bytes 10-19/300",
        "repr-digest": `sha-256=:${digest}:`,
      });
      const known = { "If-None-Match": `"${toHex(blob.hash)}"` };
      expect((await read(page, urlOf(blob), known)).status).toBe(304);
      const beyond = await read(page, urlOf(blob), { Range: "bytes=300-" });
      expect(beyond.status).toBe(416);
      expect(beyond.fields["content-range"]).toBe("bytes */300");
      await page.close();
    });

    it.each(["/openapi.yaml", "/swagger/json", "/healthz", "/readyz"])("read %s", async (path) => {
      const page = await openAt(originOf("other"));
      expect((await read(page, ownOrigin() + path)).status).toBe(200);
      await page.close();
    });

    it("read why they get nothing", async () => {
      const page = await openAt(originOf("other"));
      for (const [url, status, code] of [
        [pathOf(randomBlob(10)), 404, "not_found"],
        [nameOf(randomBlob(10)), 404, "not_found"],
        [`${ownOrigin()}${apiPath}/0`, 400, "invalid_key_length"],
        [`http://x.cdn.test:${registry.port()}/`, 400, "invalid_label"],
        [`${ownOrigin()}/nowhere`, 404, "route_not_found"],
      ] as const) {
        const { status: seen, fields, text } = await read(page, url);
        const problem = JSON.parse(text) as { readonly code: string };
        expect([seen, problem.code, fields["content-type"]]).toEqual([
          status,
          code,
          "application/problem+json",
        ]);
      }
      await page.close();
    });

    it.each(["POST", "PUT"] as const)("may not %s, and read why", async (method) => {
      const blob = randomBlob(50);
      const page = await openAt(originOf("other"));
      expect(await send(page, blob, method)).toBe("403 origin_not_allowed");
      expect(await storedStatus(blob)).toBe(404);
      await page.close();
    });

    it.each(["POST", "PUT"] as const)("may %s when they are listed", async (method) => {
      const blob = randomBlob(50);
      const page = await openAt(originOf("listed"));
      const status = method === "PUT" ? 201 : 200;
      expect(await send(page, blob, method)).toBe(`${status} ${toHex(blob.hash)}`);
      expect(await storedStatus(blob)).toBe(200);
      await page.close();
    });

    /** Sends a blob by a form, about which browsers ask nobody; gives the status of the answer. */
    async function submit(host: string, blob: NewBlob): Promise<number> {
      const file = join(home.newDirectory(), "blob.bin");
      await Bun.write(file, blob.data);
      const page = await openAt(originOf(host));
      await page.setContent(
        `<form action="${ownOrigin()}${apiPath}" method="post" enctype="multipart/form-data">` +
          `<input type="file" name="data"><button>Send</button></form>`,
      );
      await page.locator("input").setInputFiles(file);
      const answering = page.waitForResponse(`**${apiPath}`);
      await page.locator("button").click();
      const status = (await answering).status();
      await page.close();
      return status;
    }

    it("may not upload by a form, unless they are listed", async () => {
      const blob = randomBlob(50);
      expect(await submit("other", blob)).toBe(403);
      expect(await storedStatus(blob)).toBe(404);
      expect(await submit("listed", blob)).toBe(200);
      expect(await storedStatus(blob)).toBe(200);
    });

    it("may not upload by hiding where they are from", async () => {
      const blob = randomBlob(50);
      const page = await openAt(originOf("other"));
      const told = await page.evaluate(sendingInSandbox(`${ownOrigin()}${apiPath}`, blob.data));
      expect(told).toEqual(["null", 403]);
      expect(await storedStatus(blob)).toBe(404);
      await page.close();
    });
  });

  describe("may show a blob, which", () => {
    /** A document that tells of itself when a script of it runs. */
    const scriptedDocument = (): Promise<NewBlob> => {
      const told = `new Image().src = "${originOf("other")}/ran"`;
      return stored(utf8(`<!doctype html><p>shown</p><script>${told}</script>`));
    };

    it.each([
      ["by path", pathOf],
      ["by name", nameOf],
    ])("is saved, not shown, when it is opened %s, in a tab or a frame", async (_, urlOf) => {
      const blob = await scriptedDocument();
      const page = await openAt(originOf("other"));
      const frame = `document.body.append(document.createElement("iframe")); frames[0].location`;
      for (const place of ["location.href", frame]) {
        const saving = page.waitForEvent("download");
        await page.evaluate(`${place} = ${JSON.stringify(urlOf(blob))}`);
        const saved = await Bun.file(await (await saving).path()).bytes();
        expect(Buffer.compare(saved, blob.data)).toBe(0);
        expect(page.url()).toBe(`${originOf("other")}/`);
      }
      expect(cries).toEqual([]);
      await page.close();
    });

    it("runs no script, even if somebody on the way calls it a page", async () => {
      const blob = await scriptedDocument();
      const page = await browser.newPage();
      const sandboxed = page.waitForEvent("console", told("sandboxed"));
      await page.route("**/metadata/*", async (route) => {
        const { headers, status, body } = await fetch(`${registry.api()}/${toHex(blob.hash)}`);
        const fields = { ...Object.fromEntries(headers), ...calledPage };
        await route.fulfill({
          status,
          headers: fields,
          body: Buffer.from(await new Response(body).bytes()),
        });
      });
      await page.goto(pathOf(blob));
      expect(await page.locator("p").innerText()).toBe("shown");
      await sandboxed;
      expect(await page.evaluate("origin")).toBe("null");
      expect(cries).toEqual([]);
      await page.close();
    });

    it("is no script and no style of any page, of the registry's own neither", async () => {
      const script = await stored(utf8(`new Image().src = "${originOf("other")}/ran";`));
      const style = await stored(utf8("body { color: rgb(1, 2, 3) }"));
      for (const url of [originOf("other"), ownOrigin(), `http://localhost:${registry.port()}`]) {
        const page = await openAt(url);
        const at = (blob: NewBlob) =>
          `${url === originOf("other") ? ownOrigin() : url}${apiPath}/${toHex(blob.hash)}`;
        expect(await page.evaluate(usingAsScript(at(script), at(style)))).toEqual([
          "script: error",
          "style: error",
          url.includes("localhost") ? "worker: SecurityError" : "worker: none",
        ]);
        await page.close();
      }
      expect(cries).toEqual([]);
    });

    it.each([
      ["by path", pathOf],
      ["by name", nameOf],
    ])("is an image %s, on pages too that embed by consent alone", async (_, urlOf) => {
      const url = urlOf(await stored(png));
      for (const at of ["/", "/isolated"]) {
        const page = await openAt(`${originOf("other")}${at}`);
        expect(await page.evaluate(widthOfImage(url))).toBe(1);
        await page.close();
      }
    });
  });

  it("no page may frame the registry's own", async () => {
    const page = await openAt(originOf("other"));
    const refused = page.waitForEvent("console", told("frame-ancestors"));
    await page.evaluate(`document.body.innerHTML = '<iframe src="${ownOrigin()}/"></iframe>'`);
    await refused;
    await page.close();
  });
});

// --- internal ---

/** Finds what the browser complains of. */
const told = (word: string) => (message: ConsoleMessage) => message.text().includes(word);

const calledPage = { "content-type": "text/html", "x-content-type-options": "" };

// Written as text: these run in the browser, whose names the tests do not know.

/** Sends a blob from a frame without an origin; gives that, and the status of the answer. */
const sendingInSandbox = (url: string, data: Bytes): string => `new Promise((resolve) => {
  const send = async () => {
    const form = new FormData();
    form.set("data", new Blob([new Uint8Array([${data.join()}])]));
    const { status } = await fetch("${url}", { method: "POST", body: form });
    parent.postMessage([self.origin, status], "*");
  };
  addEventListener("message", ({ data }) => resolve(data));
  const frame = document.createElement("iframe");
  frame.sandbox = "allow-scripts";
  frame.srcdoc = "<script>(" + send + ")()</" + "script>";
  document.body.append(frame);
})`;

/** Gives what becomes of each use of a blob as code. */
const usingAsScript = (script: string, style: string): string => `(async () => {
  const tried = (name, attributes) => new Promise((resolve) => {
    const element = document.createElement(name);
    element.onload = () => resolve("load");
    element.onerror = () => resolve("error");
    document.head.append(Object.assign(element, attributes));
  });
  const registering = navigator.serviceWorker?.register(${JSON.stringify(script)});
  return [
    "script: " + (await tried("script", { src: ${JSON.stringify(script)} })),
    "style: " + (await tried("link", { rel: "stylesheet", href: ${JSON.stringify(style)} })),
    "worker: " + (await registering?.then(() => "load", ({ name }) => name) ?? "none"),
  ];
})()`;

/** The width of an image, 0 when it cannot be had. */
const widthOfImage = (url: string): string => `new Promise((resolve) => {
  const image = new Image();
  image.onload = () => resolve(image.naturalWidth);
  image.onerror = () => resolve(0);
  image.src = ${JSON.stringify(url)};
  document.body.append(image);
})`;
