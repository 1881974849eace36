import { LRUCache } from "lru-cache";
import { assert } from "../src/domain/assert.ts";
import { toHex } from "../src/domain/bytes.ts";
import { createBlobCache } from "../src/storage/blob-cache.ts";
import { toKey } from "./cache-policies/trace.ts";

/*
 * bun bench/cache-cost.ts: what the cache costs in time, and what an entry costs in memory beside
 * its value. Times are the median of 15 rounds. Memory is the growth of the resident set over
 * 1,000,000 entries that share one value, each side in a process of its own.
 */

const bytesMax = 256 * 1024 * 1024;
const valueBytes = 1000;
const roundsTotal = 15;
const memoryEntries = 1_000_000;

interface Side {
  readonly get: (key: string) => unknown;
  readonly set: (key: string) => void;
}

const value = {};
let found = 0;
const sides: Readonly<Record<string, (bytes: number) => Side>> = {
  "blob-cache": (bytes) => {
    const cache = createBlobCache<object>({ bytesMax: bytes });
    return { get: cache.get, set: (key) => cache.set(key, value, valueBytes) };
  },
  "lru-cache": (bytes) => {
    const cache = new LRUCache<string, object>({ maxSize: bytes });
    const options = { size: valueBytes };
    return { get: (key) => cache.get(key), set: (key) => cache.set(key, value, options) };
  },
  Map: () => {
    const cache = new Map<string, object>();
    return { get: (key) => cache.get(key), set: (key) => cache.set(key, value) };
  },
};

const memorySide = sides[process.argv[2] ?? ""];
if (memorySide === undefined) report();
else console.log(measureMemory(memorySide(2 ** 40)));

function report(): void {
  console.log("| | get, hit | get, miss | set of a new key that displaces | memory per entry |");
  for (const [name, create] of Object.entries(sides)) {
    const hit = `${measureHits(create(bytesMax)).toFixed(0)} ns`;
    const miss = `${measureMisses(create(bytesMax)).toFixed(0)} ns`;
    const set = name === "Map" ? "-" : `${measureSets(create(bytesMax)).toFixed(0)} ns`;
    const child = Bun.spawnSync([process.execPath, import.meta.path, name]);
    assert(found > 0, "hits were measured");
    console.log(`| ${name} | ${hit} | ${miss} | ${set} | ${child.stdout.toString().trim()} B |`);
  }
}

/** Hits on 10,000 keys in an order that is not that of their entry. */
function measureHits(side: Side): number {
  const keys = createKeys(0, 10_000);
  for (const key of keys) side.set(key);
  const asked = createKeys(0, 10_000).toSorted();
  return measure(20 * asked.length, () => {
    for (let round = 0; round < 20; round += 1) count(side, asked);
  });
}

function measureMisses(side: Side): number {
  for (const key of createKeys(0, 10_000)) side.set(key);
  const unknown = createKeys(10_000, 20_000);
  return measure(unknown.length, () => {
    count(side, unknown);
  });
}

/** Uses what is answered, so that no compiler leaves the question out. */
function count(side: Side, keys: readonly string[]): void {
  for (const key of keys) if (side.get(key) === value) found += 1;
}

function measureSets(side: Side): number {
  for (const key of createKeys(0, 300_000)) side.set(key);
  let next = 300_000;
  let keys: string[] = [];
  const prepare = (): void => {
    keys = createKeys(next, next + 50_000);
    next += 50_000;
  };
  return measure(
    50_000,
    () => {
      for (const key of keys) side.set(key);
    },
    prepare,
  );
}

function measure(times: number, run: () => void, prepare: () => void = () => {}): number {
  const rounds: number[] = [];
  for (let round = 0; round < roundsTotal; round += 1) {
    prepare();
    const start = Bun.nanoseconds();
    run();
    rounds.push((Bun.nanoseconds() - start) / times);
  }
  return rounds.toSorted((a, b) => a - b)[roundsTotal >> 1] ?? 0;
}

/** Keys as the registry makes them: by `toHex`, which leaves a rope behind until it is read. */
function measureMemory(side: Side): number {
  const words = new Uint32Array(4);
  const bytes = new Uint8Array(words.buffer);
  Bun.gc(true);
  const before = process.memoryUsage.rss();
  for (let index = 0; index < memoryEntries; index += 1) {
    words.set([index, Math.imul(index, 0x9e_37_79_b9), ~index, Math.imul(index, 0x85_eb_ca_6b)]);
    side.set(toHex(bytes));
  }
  for (let round = 0; round < 3; round += 1) Bun.gc(true);
  const grown = process.memoryUsage.rss() - before;
  side.get("");
  return Math.round(grown / memoryEntries);
}

function createKeys(first: number, end: number): string[] {
  return Array.from({ length: end - first }, (_, index) => toKey(first + index));
}
