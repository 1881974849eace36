import { createBlobCache, entryOverheadBytes } from "../src/storage/blob-cache.ts";
import { createLru } from "./cache-policies/lru.ts";
import { type CachePolicy } from "./cache-policies/policy.ts";
import { createS3Fifo } from "./cache-policies/s3-fifo.ts";
import { createSieve } from "./cache-policies/sieve.ts";
import { createLoopTrace, createZipfTrace, toKey, type Trace } from "./cache-policies/trace.ts";
import { createWTinyLfu } from "./cache-policies/w-tinylfu.ts";

/*
 * bun bench/cache-policy.ts [--quick]: which policy makes the most of a cache, by hit ratio.
 *
 * Each cell: hits per 100 requests / bytes hit per 100 bytes asked for, after a warm-up of a fifth
 * of the trace. Sizes of the cache are shares of the working set, the objects asked for more than
 * once. All policies are charged the same for an entry. The numbers depend on nothing but the code.
 */

const policies: Readonly<Record<string, (bytesMax: number) => CachePolicy>> = {
  "lru-cache": createLru,
  sieve: createSieve,
  "s3-fifo": createS3Fifo,
  "w-tinylfu": createWTinyLfu,
  "blob-cache": (bytesMax) => {
    const cache = createBlobCache<true>({ bytesMax });
    return {
      get: (key) => cache.get(key) === true,
      set: (key, bytes) => cache.set(key, true, bytes - entryOverheadBytes),
    };
  },
};

const isQuick = process.argv.includes("--quick");
const objects = isQuick ? 20_000 : 100_000;
const requests = isQuick ? 200_000 : 1_000_000;
const cacheShares = [0.01, 0.05, 0.1, 0.25];

console.log(toLine("requests, cache", Object.keys(policies)));
const totals = Object.keys(policies).map(() => ({ objects: 0, bytes: 0, cells: 0 }));
const keys: string[] = [];
for (const trace of createTraces()) {
  while (keys.length < trace.sizes.length) keys.push(toKey(keys.length));
  for (const share of cacheShares) {
    const bytesMax = Math.floor(workingSetBytes(trace) * share);
    const ratios = Object.values(policies).map((create) => replay(trace, create(bytesMax)));
    console.log(toLine(`${trace.name}, ${share * 100} %`, ratios.map(toCell)));
    for (const [index, total] of totals.entries()) {
      total.objects += ratios[index]?.objects ?? 0;
      total.bytes += ratios[index]?.bytes ?? 0;
      total.cells += 1;
    }
  }
}
const means = totals.map(({ objects: hits, bytes, cells }) =>
  toCell({ objects: hits / cells, bytes: bytes / cells }),
);
console.log(toLine("mean of all", means));

function* createTraces(): Generator<Trace> {
  for (const alpha of [0.7, 0.9, 1.1]) {
    for (const oneTimeShare of [0.1, 0.3, 0.5]) {
      const name = `zipf ${alpha}, ${oneTimeShare * 100} % once`;
      yield createZipfTrace({ name, seed: 7, objects, requests, alpha, oneTimeShare, shifts: 0 });
    }
  }
  const shifting = { seed: 9, objects, requests, alpha: 0.9, oneTimeShare: 0.2, shifts: 9 };
  yield createZipfTrace({ ...shifting, name: "zipf 0.9 shifting, 20 % once" });
  yield createLoopTrace({ name: "loop", seed: 9, objects: objects / 5, requests: requests / 2 });
}

interface Ratios {
  readonly objects: number;
  readonly bytes: number;
}

function replay(trace: Trace, cache: CachePolicy): Ratios {
  const warmUp = trace.requests.length / 5;
  let hits = 0;
  let hitBytes = 0;
  let bytesTotal = 0;
  for (const [index, object] of trace.requests.entries()) {
    const key = keys[object] ?? "";
    const bytes = trace.sizes[object] ?? 0;
    const isHit = cache.get(key);
    if (!isHit) cache.set(key, bytes + entryOverheadBytes);
    if (index < warmUp) continue;
    bytesTotal += bytes;
    if (!isHit) continue;
    hits += 1;
    hitBytes += bytes;
  }
  return { objects: hits / (trace.requests.length - warmUp), bytes: hitBytes / bytesTotal };
}

function workingSetBytes(trace: Trace): number {
  let bytes = trace.objects * entryOverheadBytes;
  for (const size of trace.sizes.subarray(0, trace.objects)) bytes += size;
  return bytes;
}

function toCell(ratios: Ratios): string {
  return `${(ratios.objects * 100).toFixed(1)} / ${(ratios.bytes * 100).toFixed(1)}`;
}

function toLine(title: string, cells: readonly string[]): string {
  return `| ${title.padEnd(34)} | ${cells.map((cell) => cell.padStart(11)).join(" | ")} |`;
}
