import { afterEach, describe, expect, it } from "bun:test";
import { createLog } from "../../../src/ops/log.ts";
import { openScrapePort, type ScrapePort } from "../../../src/ops/metrics/scrape.ts";
import type { LogLine } from "../../support/registry.ts";
import { freePort } from "../../support/ports.ts";

const lines: LogLine[] = [];
const log = createLog({
  level: "debug",
  format: "json",
  write: (line) => void lines.push(JSON.parse(line) as LogLine),
});
const page = new Map([["/metrics", async () => ({ type: "text/x", body: "hello" })]]);
const opened: (ScrapePort | null)[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((port) => port?.stop()));
  lines.length = 0;
});

async function open(): Promise<ScrapePort> {
  const port = openAt({ port: await freePort(), portIsDefault: false });
  if (port === null) throw new Error("no port was opened");
  return port;
}

function openAt(options: { readonly port: number; readonly portIsDefault: boolean }) {
  const port = openScrapePort({ host: "127.0.0.1", log, ...options });
  opened.push(port);
  return port;
}

describe("the port for metrics", () => {
  it("says 503 until there is something to show", async () => {
    const { url } = await open();
    const response = await fetch(`${url}/metrics`);
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("1");
  });

  it("shows its pages, and nothing else", async () => {
    const port = await open();
    port.serve(page);
    const response = await fetch(`${port.url}/metrics?a=b`);
    expect(response.headers.get("content-type")).toBe("text/x");
    expect(await response.text()).toBe("hello");
    const head = await fetch(`${port.url}/metrics`, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    for (const path of ["/", "/metrics/", "/api/v1/metadata", "/metrics%00"]) {
      const nothing = await fetch(`${port.url}${path}`);
      expect(nothing.status).toBe(404);
      expect(await nothing.text()).toMatch(/\/metrics.*\/status/);
    }
    const post = await fetch(`${port.url}/metrics`, { method: "POST" });
    expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });

  it("lets a page do what its policy says, and else nothing", async () => {
    const port = await open();
    const script = { type: "text/html", body: "", policy: "script-src 'self'" };
    port.serve(new Map([...page, ["/page", async () => script]]));
    const policyOf = async (path: string, method = "GET") =>
      (await fetch(`${port.url}${path}`, { method })).headers.get("content-security-policy");
    const none = "default-src 'none'; frame-ancestors 'none'";
    expect(await policyOf("/page")).toBe("script-src 'self'");
    expect(await policyOf("/page", "HEAD")).toBe("script-src 'self'");
    expect(await policyOf("/metrics")).toBe(none);
    expect(await policyOf("/nothing")).toBe(none);
  });

  it("answers no browser that came by a name from elsewhere, whatever it asks for", async () => {
    const port = await open();
    const ask = async (headers: Record<string, string>): Promise<number> =>
      (await fetch(`${port.url}/metrics`, { headers })).status;
    const browser = { Host: "elsewhere.example", "Accept-Language": "en" };
    expect(await ask(browser)).toBe(421); // while it starts, too
    port.serve(page);
    expect(await ask(browser)).toBe(421);
    expect(await ask({ ...browser, Host: `127.0.0.1:${port.port}` })).toBe(200);
    expect(await ask({ Host: "registry.monitoring.svc" })).toBe(200);
  });

  it("says 500 of a page that fails, and why only in the log", async () => {
    const port = await open();
    const failing = async (): Promise<never> => {
      throw new Error("geheim");
    };
    port.serve(new Map([["/metrics", failing]]));
    const response = await fetch(`${port.url}/metrics`);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("geheim");
    expect(lines).toMatchObject([{ level: "error", message: "metrics could not be told" }]);
  });

  it("0 is none", () => {
    expect(openAt({ port: 0, portIsDefault: false })).toBeNull();
    expect(lines).toEqual([]);
  });

  it("taken, is done without where nobody asked for it, with a warning", async () => {
    const { port } = await open();
    expect(openAt({ port, portIsDefault: true })).toBeNull();
    expect(lines).toMatchObject([
      {
        level: "warn",
        message:
          `no metrics are served: the metrics port is in use (127.0.0.1:${port}); ` +
          "give --metrics-port",
      },
    ]);
  });

  it("taken, is a reason not to start where somebody did", async () => {
    const { port } = await open();
    expect(() => openAt({ port, portIsDefault: false })).toThrow(
      `the metrics port is in use (127.0.0.1:${port}); choose another with --metrics-port`,
    );
    const elsewhere = { host: "192.0.2.1", port, portIsDefault: false, log };
    expect(() => openScrapePort(elsewhere)).toThrow(`cannot listen on 192.0.2.1:${port}`);
  });
});
