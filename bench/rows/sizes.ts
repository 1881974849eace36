import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Family } from "../load/blobs.ts";
import { type Ask } from "../load/job.ts";
import { type Bench, type Server } from "../measure/bench.ts";
import { type Figure, type Row } from "../measure/figure.ts";
import { startProduct } from "../measure/product.ts";
import { runSlice } from "../measure/slices.ts";
import { createTables, store } from "../measure/stock.ts";
import { perSecondText, usText } from "../measure/text.ts";

/** What is large is not asked for by 512 at once: it would all be in memory somewhere. */
const sizes = [
  { text: "600 B", bytesTotal: 600, count: 1000, connections: [1, 64, 512] },
  { text: "10 KB", bytesTotal: 10_000, count: 200, connections: [1, 64, 512] },
  { text: "100 KB", bytesTotal: 100_000, count: 50, connections: [1, 64, 512] },
  { text: "1 MB", bytesTotal: 1_000_000, count: 10, connections: [1, 64] },
  { text: "20 MB", bytesTotal: 20_000_000, count: 2, connections: [1, 16] },
] as const;

type Size = (typeof sizes)[number];

/** From this on a slice lasts longer, for there are few answers in it. */
const slowBytesMin = 1_000_000;

/** Recorded for the record: one slice each, without a rival. */
export const sizesRow: Row = {
  name: "sizes",
  async measure(bench) {
    await using stack = new AsyncDisposableStack();
    const server = await startProduct(bench, { keeps: await createTables(bench, stack) });
    stack.defer(() => server.stop());
    return await measureAll(bench, server, bench.isQuick ? sizes.slice(0, 1) : sizes);
  },
};

/** The same of the embedded database, for small blobs. */
export const embedded: Row = {
  name: "embedded",
  async measure(bench) {
    const keeps = join(bench.scratch, "embedded");
    mkdirSync(keeps);
    const server = await startProduct(bench, { keeps });
    try {
      return await measureAll(bench, { ...server, name: "embedded SQLite" }, sizes.slice(0, 1));
    } finally {
      await server.stop();
    }
  },
};

// --- internal ---

async function measureAll(bench: Bench, server: Server, which: readonly Size[]): Promise<Figure[]> {
  const figures: Figure[] = [];
  const where = server.name === "registry" ? "" : `${server.name}, `;
  for (const size of which) {
    const { text, bytesTotal, count } = size;
    const family: Family = { name: `size-${bytesTotal}`, bytesTotal };
    await store(bench, server, { family, count });
    const asks: readonly (readonly [string, Ask])[] = [
      ["GET", { kind: "get", family, count }],
      ["POST, new blobs", { kind: "post-new", family, first: 0 }],
    ];
    for (const [name, ask] of asks) {
      const measured = await measureOne(bench, server, { size, ask });
      figures.push({ what: `${where}${name}, ${text}; by connections`, ...measured });
    }
  }
  return figures;
}

async function measureOne(
  bench: Bench,
  server: Server,
  { size, ask }: { readonly size: Size; readonly ask: Ask },
): Promise<Pick<Figure, "measured" | "failures">> {
  const texts: string[] = [];
  const failures: string[] = [];
  const durationMs = size.bytesTotal < slowBytesMin ? bench.sliceMs / 2 : 2 * bench.sliceMs;
  for (const connections of size.connections) {
    const { outcome } = await runSlice(bench, { server, job: { connections, ask } }, durationMs);
    const { perSecond: rate, p99Us } = outcome;
    const latency = usText({ median: p99Us, low: p99Us, high: p99Us });
    texts.push(`${connections}: ${rateText(rate, size)}, p99 ${latency}`);
    failures.push(...outcome.failures);
  }
  return { measured: texts.join("; "), failures };
}

function rateText(perSecond: number, { bytesTotal }: Size): string {
  if (bytesTotal >= slowBytesMin)
    return `${((perSecond * bytesTotal) / 1024 ** 2).toFixed(0)} MiB/s`;
  return perSecondText({ median: perSecond, low: perSecond, high: perSecond });
}
