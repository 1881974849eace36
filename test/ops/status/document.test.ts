import { describe, expect, it } from "bun:test";
import { escapeHtml, renderStatus } from "../../../src/ops/status/document.ts";
import type { Snapshot } from "../../../src/ops/status/snapshot.ts";

const snapshot: Snapshot = {
  nowMs: Date.UTC(2026, 10, 25, 6, 54, 3),
  periodMs: 2000,
  windowMs: 900_000,
  about: { version: "1.2.3", bun: "1.4.5", store: "sqlite", hashing: "native" },
  uptimeSeconds: 61,
  checks: [{ name: "database", status: "unavailable", detail: "<b>no & answer</b>" }],
  totals: { stored: 1234, sent: 2048, corrupt: null },
  refusals: [{ code: "not_found", recent: 2, total: 30 }],
  times: [1, 2, 3],
  figures: { "cache-ratio": [0.9, 0.25, 0.5], "download:p99": [0.5, 0.002, null] },
};

/** What of the page is read, cell by cell, with plain spaces. */
function cellsOf(html: string, selector: string): string[] {
  const cells: string[] = [];
  new HTMLRewriter()
    .on(selector, {
      element: () => void cells.push(""),
      text: ({ text }) => void (cells[cells.length - 1] += text),
    })
    .transform(html);
  return cells.map((cell) => cell.replaceAll("\u00a0", " ").trim());
}

describe("renderStatus", () => {
  const html = renderStatus(snapshot);

  it("has the newest figure of each line, and the one that tells most", () => {
    expect(cellsOf(html, "#panel-cache-ratio td")).toEqual(["", "50 %", "25 %"]);
    expect(cellsOf(html, "#panel-download td").slice(-2)).toEqual(["\u2013", "500 ms"]);
  });

  it("has totals, refusals by code, and what runs", () => {
    expect(cellsOf(html, "#total-stored")).toEqual(["1,234"]);
    expect(cellsOf(html, "#total-sent")).toEqual(["2 KiB"]);
    expect(cellsOf(html, "#total-corrupt")).toEqual(["\u2013"]);
    expect(cellsOf(html, "#codes th, #codes td")).toEqual(["not_found", "2", "30"]);
    expect(cellsOf(html, "dd")).toEqual(["1 min 1 s", "1.2.3", "sqlite", "native", "1.4.5"]);
    expect(html).toContain("06:54:03 UTC");
  });

  it("says what it is not ready for, as text", () => {
    const { 1: said } = /<p id="ready"[^>]*class="bad">(.*)<\/p>/.exec(html) ?? [];
    expect(said).toBe(`Not ready: database: ${escapeHtml("<b>no & answer</b>")}`);
  });

  it("has no script, style or handler within itself, and nothing of another host", () => {
    expect(html).not.toMatch(/<script(?! src="\/status\/)|<style|\sstyle=|\son\w+=|https?:/);
  });
});

describe("escapeHtml", () => {
  it("leaves nothing that HTML would take for its own", () => {
    expect(escapeHtml(`<a href="x" b='y'>&`)).toBe(
      "&#60;a href=&#34;x&#34; b=&#39;y&#39;&#62;&#38;",
    );
  });
});
