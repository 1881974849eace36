import { formatFigure, formatTime } from "../format.ts";
import { extremeOf, type Panel } from "../panels.ts";
import { createChart } from "./chart.ts";
import { elementOf } from "./elements.ts";
import type { Samples } from "./samples.ts";

/** A chart with its table, as they stand on the page. */
export interface PanelView {
  show(samples: Samples): void;
  fit(): void;
}

/** Brings a panel of the page to life. */
export function createPanelView(panel: Panel, windowMs: number): PanelView {
  const section = elementOf(`#panel-${panel.id}`);
  const moment = elementOf(".moment", section);
  const nows = section.querySelectorAll(".now");
  const mosts = section.querySelectorAll(".most");
  let shown: Samples | null = null;
  let pointed: number | null = null;

  const chart = createChart({
    panel,
    place: elementOf(".chart", section),
    windowMs,
    onPoint(index) {
      pointed = index;
      write();
    },
  });

  /** Writes the figures under the pointer, else the newest. */
  function write(): void {
    if (shown === null) return;
    const times = shown.times();
    const timeMs = pointed === null ? undefined : times[pointed];
    const place = timeMs === undefined || pointed === null ? times.length - 1 : pointed;
    moment.textContent = timeMs === undefined ? "now" : formatTime(timeMs);
    for (const [index, { figure }] of panel.lines.entries()) {
      const cell = nows[index];
      const value = shown.column(figure)[place] ?? null;
      if (cell !== undefined) cell.textContent = formatFigure(value, panel.unit);
    }
  }

  return {
    show(samples) {
      shown = samples;
      chart.draw(samples);
      write();
      for (const [index, { figure }] of panel.lines.entries()) {
        const cell = mosts[index];
        const most = extremeOf(panel, samples.column(figure));
        if (cell !== undefined) cell.textContent = formatFigure(most, panel.unit);
      }
    },
    fit: chart.fit,
  };
}
