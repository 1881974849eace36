import { formatDuration, formatFigure } from "../format.ts";
import { describeReadiness } from "../readiness-text.ts";
import type { Refusals, Snapshot } from "../snapshot.ts";
import { totals } from "../totals.ts";
import { elementOf, write } from "./elements.ts";

/** Writes what is no chart: what runs, whether it is ready, and what was done since the start. */
export function showFacts(snapshot: Snapshot): void {
  const { about, checks, uptimeSeconds, refusals } = snapshot;
  write("#fact-uptime", formatDuration(uptimeSeconds));
  for (const [name, text] of Object.entries(about)) write(`#fact-${name}`, text);
  const { text, isReady } = describeReadiness(checks);
  write("#ready", text);
  elementOf("#ready").className = isReady ? "good" : "bad";
  for (const { id, unit } of totals) {
    write(`#total-${id}`, formatFigure(snapshot.totals[id] ?? null, unit));
  }
  elementOf("#codes").replaceChildren(...refusals.map(toRow));
  elementOf("#no-codes").hidden = refusals.length > 0;
}

// --- internal ---

function toRow({ code, recent, total }: Refusals): HTMLElement {
  const row = document.createElement("tr");
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = code;
  row.append(head);
  for (const count of [recent, total]) {
    const cell = document.createElement("td");
    cell.textContent = formatFigure(count, "count");
    row.append(cell);
  }
  return row;
}
