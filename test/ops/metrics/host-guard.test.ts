import { describe, expect, it } from "bun:test";
import { hostname } from "node:os";
import { mayAsk } from "../../../src/ops/metrics/host-guard.ts";

const browser = { "user-agent": "Mozilla/5.0 (X11; Linux x86_64)", "accept-language": "en" };

function asks(host: string, fields: Record<string, string> = browser, configured = "127.0.0.1") {
  return mayAsk(new Headers({ host, ...fields }), configured);
}

describe("mayAsk", () => {
  it.each([
    "127.0.0.1:9464",
    "10.0.0.5",
    "[::1]:9464",
    "[fd00::5]",
    "localhost:9464",
    "LOCALHOST",
    "registry.localhost:9464",
    "registry-1:9464",
    `${hostname()}:9464`,
  ])("lets a browser ask %s", (host) => {
    expect(asks(host)).toBe(true);
  });

  it.each([
    "evil.example:9464",
    "evil.example",
    "evil.example.:9464",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "[::1].evil.example",
    `${hostname()}.evil.example`,
  ])("does not let a browser ask %s", (host) => {
    expect(asks(host)).toBe(false);
  });

  it("lets a browser ask the host that was configured", () => {
    expect(asks("Status.Example.org:9464", browser, "status.example.org")).toBe(true);
    expect(asks("status.example.org", browser, "0.0.0.0")).toBe(false);
  });

  it("takes for a browser whoever sends one thing that a page can not take away", () => {
    const scraper = { "user-agent": "Prometheus/3.1.0", "accept-encoding": "gzip" };
    expect(asks("registry.monitoring.svc", scraper)).toBe(true);
    for (const [name, value] of [
      ["accept-language", ""],
      ["origin", "null"],
      ["sec-fetch-site", "same-origin"],
      ["user-agent", "Mozilla/5.0"],
    ] as const) {
      expect(asks("evil.example", { ...scraper, [name]: value })).toBe(false);
    }
  });

  it("lets those ask who name no host at all", () => {
    expect(mayAsk(new Headers(), "127.0.0.1")).toBe(true);
  });
});
