// The script of the page /status, for browsers: asks the registry for what is new, again and again.
import { panels } from "../panels.ts";
import type { Snapshot } from "../snapshot.ts";
import { write } from "./elements.ts";
import { showFacts } from "./facts.ts";
import { describeSilence, linkTexts, type Link } from "./link.ts";
import { createPanelView, type PanelView } from "./panel-view.ts";
import { createSamples, type Samples } from "./samples.ts";

/** How long an answer may take; the look at a database that hangs is part of it. */
const answerMsMax = 5000;
const silenceLookMs = 1000;

let periodMs = 2000;
let link: Link = "up";
/** The next question, or the one under way. */
let next: ReturnType<typeof setTimeout> | null = null;
let heardMs = performance.now();
let page: { readonly samples: Samples; readonly views: readonly PanelView[] } | null = null;

async function poll(): Promise<void> {
  try {
    link = await ask();
    heardMs = performance.now();
  } catch {
    link = "silent"; // why, the browser's own log tells
  }
  tellLink();
  next = null;
  // Nobody looks at a hidden page: it asks when it is seen again, and gets what it has missed.
  if (!document.hidden) pollIn(periodMs);
}

function pollIn(ms: number): void {
  next ??= setTimeout(() => void poll(), ms);
}

/** Asks once, and shows the answer. @throws an error when there is none */
async function ask(): Promise<Link> {
  const sinceMs = page?.samples.times().at(-1) ?? 0;
  const response = await fetch(`/status/data?since=${sinceMs}`, {
    signal: AbortSignal.timeout(answerMsMax),
  });
  if (response.status === 503) return "starting";
  if (!response.ok) throw new Error(`status ${response.status}`);
  const snapshot = (await response.json()) as Snapshot;
  show(snapshot);
  return snapshot.checks.some(({ name }) => name === "lifecycle") ? "stopping" : "up";
}

function show(snapshot: Snapshot): void {
  ({ periodMs } = snapshot);
  page ??= createPage(snapshot);
  const { samples, views } = page;
  samples.add(snapshot.times, snapshot.figures);
  for (const view of views) view.show(samples);
  showFacts(snapshot);
}

function createPage({ windowMs }: Snapshot) {
  document.body.classList.add("live");
  const samples = createSamples({ windowMs, gapMs: 3 * periodMs });
  const views = panels.map((panel) => createPanelView(panel, windowMs));
  const fit = (): void => {
    for (const view of views) view.fit();
  };
  addEventListener("resize", fit);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", fit);
  return { samples, views };
}

function tellLink(): void {
  document.body.classList.toggle("stale", link === "silent" || link === "starting");
  write("#link-state", linkTexts[link]);
  write("#link-age", describeSilence(link, performance.now() - heardMs));
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden || next !== null) return;
  heardMs = performance.now();
  pollIn(0);
});
setInterval(tellLink, silenceLookMs);
pollIn(0);
