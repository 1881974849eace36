import { mkdirSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { blobOf, type Family, keyOf } from "../load/blobs.ts";
import { type Ask, type Outcome } from "../load/job.ts";
import { type Bench, freshNumber, type Server } from "../measure/bench.ts";
import { type Figure, type Row } from "../measure/figure.ts";
import { postgresPids } from "../measure/postgres-pids.ts";
import { watchPeak } from "../measure/proc.ts";
import { startProduct } from "../measure/product.ts";
import { startProgram } from "../measure/programs.ts";
import { ratioOf, spreadOf } from "../measure/spread.ts";
import { createTables, store } from "../measure/stock.ts";
import { mebibytesText } from "../measure/text.ts";

const mebibyte = 1024 * 1024;
const transfers = 16;
const transferMsMax = 120_000;

/** Memory and throughput of 16 uploads of 64 MiB at a time, and of as many downloads. */
export const large: Row = {
  name: "large",
  async measure(bench) {
    const mebibytes = bench.isQuick ? 8 : 64;
    const family: Family = { name: "large", bytesTotal: mebibytes * mebibyte };
    await using stack = new AsyncDisposableStack();
    const product = await startProduct(bench, { keeps: await createTables(bench, stack) });
    stack.defer(() => product.stop());
    const files = await startFiles(bench, stack, family);
    const postmaster = await postgresPids(bench.postgres);
    const watches = [watchPeak(product.pids), watchPeak(postmaster, 50)] as const;
    await store(bench, product, { family, count: transfers });
    const rounds = bench.isQuick ? 1 : 3;
    const fresh: Ask = { kind: "post-new", family, first: 0 };
    const up = await measureRounds(bench, { product, files, ask: fresh, rounds });
    const known: Ask = { kind: "get", family, count: transfers };
    const down = await measureRounds(bench, { product, files, ask: known, rounds: 3 * rounds });
    const [peak, postgresPeak] = [watches[0].stop(), watches[1].stop()];
    const cache = bench.product.flags.has("cache-size") ? "default cache" : "no cache";
    const each = `of ${mebibytes} MiB at once`;
    return [
      {
        what: `16 uploads ${each}, then as many downloads: peak anonymous memory`,
        measured: `${cache}; PostgreSQL's peak, all processes: ${mebibytesText(postgresPeak)}`,
        counts: spreadOf([peak / mebibyte]),
        unit: "MiB",
        target: { isAtMost: true, mustReach: 200, wanted: 120 },
      },
      throughput(`16 uploads ${each}: MiB/s, to a plain file server`, up),
      throughput(`16 downloads ${each}: MiB/s, to a plain file server`, down),
    ];
  },
};

// --- internal ---

async function startFiles(
  { scratch }: Bench,
  stack: AsyncDisposableStack,
  family: Family,
): Promise<Server> {
  const directory = join(scratch, "files");
  mkdirSync(directory);
  for (let number = 0; number < transfers; number += 1) {
    writeFileSync(join(directory, keyOf(family, number)), blobOf(family, number));
  }
  stack.defer(() => rm(directory, { recursive: true }));
  const files = await startProgram("files", [directory]);
  stack.defer(() => files.stop());
  return files;
}

interface Rounds {
  readonly product: Server;
  readonly files: Server;
  readonly ask: Ask;
  readonly rounds: number;
}

interface Throughput {
  readonly ours: number[];
  readonly theirs: number[];
  readonly failures: string[];
}

async function measureRounds(bench: Bench, { product, files, ask, rounds }: Rounds) {
  const result: Throughput = { ours: [], theirs: [], failures: [] };
  for (let round = 0; round < rounds; round += 1) {
    for (const [server, into] of [
      [product, result.ours],
      [files, result.theirs],
    ] as const) {
      const outcome = await transfer(bench, server, ask);
      into.push((outcome.answered * ask.family.bytesTotal) / mebibyte / (outcome.elapsedMs / 1000));
      result.failures.push(...outcome.failures.map((failure) => `${server.name}: ${failure}`));
    }
  }
  return result;
}

async function transfer({ generator }: Bench, server: Server, ask: Ask): Promise<Outcome> {
  return await generator.run({
    port: server.port,
    connections: transfers,
    ask: ask.kind === "post-new" ? { ...ask, first: freshNumber() } : ask,
    once: transfers,
    durationMs: transferMsMax,
    isUnchecked: ask.kind === "post-new" && server.name === "files", // it gives no receipt
  });
}

function throughput(what: string, { ours, theirs, failures }: Throughput): Figure {
  const [registry, files] = [ours, theirs].map((values) => spreadOf(values).median.toFixed(0));
  return {
    what,
    measured: `${registry} MiB/s to ${files} MiB/s`,
    counts: ratioOf(ours, theirs),
    unit: "×",
    failures,
  };
}
