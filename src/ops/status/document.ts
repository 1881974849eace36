import { formatDuration, formatFigure, formatTime } from "./format.ts";
import { colourOf, extremeOf, panels, type Panel } from "./panels.ts";
import { describeReadiness } from "./readiness-text.ts";
import type { Snapshot } from "./snapshot.ts";
import { totals } from "./totals.ts";

/**
 * The page as it is now, in HTML: every figure stands in it, so that it can be read without its
 * script, which draws the charts and keeps the figures up to date.
 */
export function renderStatus(snapshot: Snapshot): string {
  const { about, uptimeSeconds, nowMs } = snapshot;
  const facts = [
    ["uptime", "Up for", formatDuration(uptimeSeconds)],
    ["version", "Version", about["version"] ?? ""],
    ["store", "Store", about["store"] ?? ""],
    ["hashing", "Hashing", about["hashing"] ?? ""],
    ["bun", "Bun", about["bun"] ?? ""],
  ] as const;
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>Status of the Mycelium CDN Registry</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="/status/uplot.css" />
    <link rel="stylesheet" href="/status/status.css" />
    <script src="/status/uplot.js" defer></script>
    <script src="/status/status.js" defer></script>
  </head>
  <body>
    <header>
      <h1>Mycelium CDN Registry</h1>
      ${renderReadiness(snapshot)}
      <dl>
        ${facts.map(([id, name, value]) => renderFact(id, name, value)).join("\n        ")}
      </dl>
      <p id="link"><span id="link-state" role="status"></span> <span id="link-age"></span></p>
      <noscript>
        <p>
          These are the figures of ${formatTime(nowMs, "UTC")} UTC. With JavaScript, this page draws
          charts of the last minutes and keeps itself up to date.
        </p>
      </noscript>
    </header>
    <main>
      <div class="panels">
        ${panels.map((panel) => renderPanel(panel, snapshot)).join("\n        ")}
        ${renderTotals(snapshot)}
        ${renderRefusals(snapshot)}
      </div>
    </main>
  </body>
</html>
`;
}

/** Text as HTML has it, in an attribute too. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

// --- internal ---

function renderReadiness({ checks }: Snapshot): string {
  const { text, isReady } = describeReadiness(checks);
  return `<p id="ready" role="status" class="${isReady ? "good" : "bad"}">${escapeHtml(text)}</p>`;
}

function renderFact(id: string, name: string, value: string): string {
  return `<div><dt>${name}</dt><dd id="fact-${id}">${escapeHtml(value)}</dd></div>`;
}

function renderPanel(panel: Panel, { figures }: Snapshot): string {
  const { id, title, unit, lines, extreme = "highest" } = panel;
  const rows = lines.map((line, index) => {
    const values = figures[line.figure] ?? [];
    const now = formatFigure(values.at(-1) ?? null, unit);
    const most = formatFigure(extremeOf(panel, values), unit);
    return `<tr>
              <th scope="row"><i class="swatch ${colourOf(line, index)}"></i>${line.label}</th>
              <td class="now">${now}</td>
              <td class="most">${most}</td>
            </tr>`;
  });
  return `<section id="panel-${id}" aria-labelledby="title-${id}">
          <h2 id="title-${id}">${title}</h2>
          <div class="chart"></div>
          <table>
            <thead>
              <tr>
                <td></td>
                <th scope="col" class="moment">now</th>
                <th scope="col">${extreme}</th>
              </tr>
            </thead>
            <tbody>${rows.join("")}</tbody>
          </table>
        </section>`;
}

function renderTotals(snapshot: Snapshot): string {
  const rows = totals.map(({ id, label, unit }) => {
    const value = formatFigure(snapshot.totals[id] ?? null, unit);
    return `<tr><th scope="row">${label}</th><td id="total-${id}">${value}</td></tr>`;
  });
  return `<section aria-labelledby="title-totals">
          <h2 id="title-totals">Since the start</h2>
          <table>
            <tbody>${rows.join("")}</tbody>
          </table>
        </section>`;
}

function renderRefusals({ refusals, windowMs }: Snapshot): string {
  const rows = refusals.map(
    ({ code, recent, total }) =>
      `<tr><th scope="row">${escapeHtml(code)}</th>` +
      `<td>${formatFigure(recent, "count")}</td><td>${formatFigure(total, "count")}</td></tr>`,
  );
  return `<section aria-labelledby="title-codes">
          <h2 id="title-codes">Refusals by code</h2>
          <table>
            <thead>
              <tr>
                <td></td>
                <th scope="col">${windowMs / 60_000} min</th>
                <th scope="col">in all</th>
              </tr>
            </thead>
            <tbody id="codes">${rows.join("")}</tbody>
          </table>
          <p id="no-codes" class="quiet"${rows.length === 0 ? "" : " hidden"}>None so far.</p>
        </section>`;
}
