// uPlot is for browsers, so what is imported here are paths of embedded files, not modules.
import uplotPath from "uplot/dist/uPlot.iife.min.js" with { type: "file" };
import uplotStylePath from "uplot/dist/uPlot.min.css" with { type: "file" };
import stylePath from "./page/status.css" with { type: "file" };
import { buildPageScript } from "./page-script.ts" with { type: "macro" };

/** What the page needs besides itself, as text. */
export const statusAssets = {
  script: async () => script,
  style: async () => await Bun.file(stylePath).text(),
  uplot: async () => await Bun.file(uplotPath).text(),
  uplotStyle: async () => await Bun.file(uplotStylePath).text(),
} as const;

// --- internal ---

const script = buildPageScript();
