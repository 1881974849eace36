import { type Family } from "../load/blobs.ts";
import { compareRates, type Rivals, startRivals } from "../measure/against-plain.ts";
import { checkSameUploads } from "../measure/answers.ts";
import { type Bench } from "../measure/bench.ts";
import { type Figure, type Row } from "../measure/figure.ts";
import { alternate, type Measured } from "../measure/slices.ts";
import { spreadOf } from "../measure/spread.ts";
import { store } from "../measure/stock.ts";
import { usText } from "../measure/text.ts";

const fresh: Family = { name: "post-new", bytesTotal: 500 };
const known: Family = { name: "post-known", bytesTotal: 500 };
const knownCount = 1000;
const connections = 128;
/** Which part of the most that a side can do is asked of it for its p99. */
const calmPart = 0.6;

/** Uploads of 500 bytes into PostgreSQL with fsync: new ones, one at a time, known ones. */
export const post: Row = {
  name: "post",
  async measure(bench) {
    await using stack = new AsyncDisposableStack();
    const rivals = await startRivals(bench, stack, { isShared: false, isUncached: false });
    await checkSameUploads(rivals.product, rivals.plain, fresh);
    for (const server of [rivals.product, rivals.plain]) {
      await store(bench, server, { family: known, count: knownCount });
    }
    const newBlobs = await compareRates(bench, rivals, {
      what: "POST, 500 B, new blobs, 128 connections, fsync: rate, to plain",
      job: { connections, ask: { kind: "post-new", family: fresh, first: 0 } },
      target: { mustReach: 2, wanted: 3 },
    });
    const calm = await calmLatency(bench, rivals, newBlobs.sides);
    const alone = await compareRates(bench, rivals, {
      what: "POST, 500 B, new blobs, one connection alone: rate, to plain",
      job: { connections: 1, ask: { kind: "post-new", family: fresh, first: 0 } },
      target: { mustReach: 0.9, wanted: 1 },
    });
    const again = await compareRates(bench, rivals, {
      what: "POST, 500 B, known blobs, 128 connections: rate, to plain",
      job: { connections, ask: { kind: "post-known", family: known, count: knownCount } },
      target: { mustReach: 0.9, wanted: 1 },
    });
    return [newBlobs.figure, calm, alone.figure, again.figure];
  },
};

// --- internal ---

async function calmLatency(
  bench: Bench,
  { product, plain }: Rivals,
  most: readonly [Measured, Measured],
): Promise<Figure> {
  const rates = most.map(({ perSecond }) => Math.round(calmPart * spreadOf(perSecond).median));
  const sides = [product, plain].map((server, n) => ({
    server,
    job: {
      connections,
      ask: { kind: "post-new", family: fresh, first: 0 } as const,
      ratePerSecond: rates[n] ?? 1,
    },
  }));
  const measured = await alternate(bench, sides, Math.ceil(bench.pairs / 2));
  const texts = measured.map(
    ({ p50Us, p99Us }, n) =>
      `p50 ${usText(spreadOf(p50Us))}, p99 ${usText(spreadOf(p99Us))} at ${rates[n]}/s`,
  );
  return {
    what: "POST, 500 B, new blobs, at 60 % of each side's rate: latency, open loop",
    measured: texts.join(" to "),
    failures: measured.flatMap(({ failures }) => failures),
  };
}
