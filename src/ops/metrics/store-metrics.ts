import { limits } from "../../domain/limits.ts";
import type { Counters } from "../../domain/counters.ts";
import {
  batchKinds,
  type BatchCounts,
  type BatchCountsByKind,
} from "../../storage/batch-counts.ts";
import type { CachedStore } from "../../storage/cached.ts";
import { only, type Metric, type Point } from "./metric.ts";

/** What the store did. */
export interface StoreSources {
  readonly counters: Counters;
  readonly cache: CachedStore["cache"];
  readonly cacheBytesMax: number;
  readonly batches: BatchCountsByKind;
}

/** The metrics of blobs, of the cache and of batches. */
export function storeMetrics(sources: StoreSources): Metric[] {
  return [...blobMetrics(sources), ...cacheMetrics(sources), ...batchMetrics(sources)];
}

// --- internal ---

/** What `storage/batched.ts` gives each queue. */
const waitingMax = {
  read: limits.readQueueKeysMax,
  stat: limits.readQueueKeysMax,
  exists: limits.keyListQueueMax,
  write: limits.writeQueueRowsMax,
} as const;

type Told = Pick<Metric, "unit" | "description">;

function total(name: string, value: number, told: Told): Metric {
  return { name, ...told, kind: "total", points: only(value) };
}

function level(name: string, value: number, told: Told): Metric {
  return { name, ...told, kind: "level", points: only(value) };
}

function blobMetrics({ counters }: StoreSources): Metric[] {
  return [
    total("registry.blobs.stored", counters.blobsCreated, {
      unit: "{blob}",
      description: "Uploads of blobs that were not there",
    }),
    total("registry.blobs.deduplicated", counters.blobsKnown, {
      unit: "{blob}",
      description: "Uploads of blobs that were there already",
    }),
    total("registry.blobs.corrupt", counters.blobsCorrupt, {
      unit: "{blob}",
      description: "Reads of stored bytes that do not match their key",
    }),
    total("registry.blobs.repaired", counters.blobsRepaired, {
      unit: "{blob}",
      description: "Bad stored bytes that an upload replaced",
    }),
    total("registry.blobs.received", counters.bytesReceived, {
      unit: "By",
      description: "Bytes of blobs that were uploaded and are stored",
    }),
    total("registry.blobs.sent", counters.bytesSent, {
      unit: "By",
      description: "Bytes of blobs given out",
    }),
    total("registry.uploads.swept", counters.uploadsSwept, {
      unit: "{upload}",
      description: "Abandoned uploads whose segments were removed",
    }),
  ];
}

function cacheMetrics({ cache, cacheBytesMax }: StoreSources): Metric[] {
  return [
    total("registry.cache.hits", cache.hits, {
      unit: "{blob}",
      description: "Reads that the cache answered",
    }),
    total("registry.cache.misses", cache.misses, {
      unit: "{blob}",
      description: "Reads that it could not answer",
    }),
    total("registry.cache.evictions", cache.evictions, {
      unit: "{blob}",
      description: "Blobs dropped for others, those that found no room included",
    }),
    level("registry.cache.entries", cache.entries, {
      unit: "{blob}",
      description: "Blobs in the cache",
    }),
    level("registry.cache.size", cache.bytes, {
      unit: "By",
      description: "Memory that the cache takes",
    }),
    level("registry.cache.limit", cacheBytesMax, {
      unit: "By",
      description: "Memory that it may take: --cache-size",
    }),
  ];
}

function batchMetrics({ batches }: StoreSources): Metric[] {
  const each = <T>(read: (counts: BatchCounts) => T): Point<T>[] =>
    batchKinds.map((kind) => ({ attributes: { kind }, value: read(batches[kind]) }));
  return [
    {
      name: "registry.batch.size",
      unit: "{item}",
      description: "Calls that became one statement",
      kind: "histogram",
      points: each(({ sizes }) => sizes),
    },
    {
      name: "registry.batch.wait",
      unit: "s",
      description: "How long a call waited for its statement to begin",
      kind: "histogram",
      points: each(({ waits }) => waits),
    },
    {
      name: "registry.queue.depth",
      unit: "{item}",
      description: "Calls that wait for a statement",
      kind: "level",
      points: each(({ waiting }) => waiting),
    },
    {
      name: "registry.queue.limit",
      unit: "{item}",
      description: "Calls that may wait",
      kind: "level",
      points: batchKinds.map((kind) => ({ attributes: { kind }, value: waitingMax[kind] })),
    },
    level("registry.queue.size", batches.write.waitingBytes, {
      unit: "By",
      description: "Bytes of uploads that wait for an insert",
    }),
  ];
}
