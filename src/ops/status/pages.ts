import { ownHostPolicy } from "../../http/documents/page-asset.ts";
import type { Page, Pages } from "../metrics/scrape.ts";
import type { SnapshotSources } from "./snapshot-source.ts";

/** The page for operators, what it needs, and what it asks for; loaded when it is asked for. */
export function statusPages(sources: SnapshotSources): Pages {
  return new Map<string, (request: Request) => Promise<Page>>([
    ["/status", async () => await statusPage(sources)],
    [
      "/status/data",
      async (request) => {
        const { takeSnapshot } = await import("./snapshot-source.ts");
        const snapshot = await takeSnapshot(sources, sinceOf(request.url));
        return { type: "application/json", body: JSON.stringify(snapshot) };
      },
    ],
    ["/status/status.js", async () => script(await (await loadAssets()).script())],
    ["/status/status.css", async () => style(await (await loadAssets()).style())],
    ["/status/uplot.js", async () => script(await (await loadAssets()).uplot())],
    ["/status/uplot.css", async () => style(await (await loadAssets()).uplotStyle())],
  ]);
}

// --- internal ---

async function statusPage(sources: SnapshotSources): Promise<Page> {
  const { takeSnapshot } = await import("./snapshot-source.ts");
  const { renderStatus } = await import("./document.ts");
  const body = renderStatus(await takeSnapshot(sources, -Infinity));
  const policy = ownHostPolicy("style-src 'self'; form-action 'none'");
  return { type: "text/html; charset=utf-8", body, policy };
}

async function loadAssets() {
  const { statusAssets } = await import("./assets.ts");
  return statusAssets;
}

function script(body: string): Page {
  return { type: "text/javascript; charset=utf-8", body };
}

function style(body: string): Page {
  return { type: "text/css; charset=utf-8", body };
}

/** The time in `?since=`, in ms since 1970; without a time, that before everything. */
function sinceOf(url: string): number {
  const { 1: query = "" } = url.split("?", 2);
  const since = Number(new URLSearchParams(query).get("since") ?? Number.NaN);
  return Number.isNaN(since) ? -Infinity : since;
}
