import type { BlobKey } from "../domain/blob-key.ts";
import type { BlobStat, BlobStore, NewBlob, PutReceipt } from "../domain/blob-store.ts";
import { hasCode, type RegistryError } from "../domain/errors.ts";
import { limits } from "../domain/limits.ts";
import { createBatchCounts, type BatchCountsByKind } from "./batch-counts.ts";
import { createBatcher } from "./batcher.ts";
import type { Read } from "./blob-checks.ts";
import { shareFlights } from "./flights.ts";

/** How a store is batched. */
export interface BatchedOptions {
  /** Batches at work at once, each on a connection of its own. */
  readonly readLanes: number;
  readonly writeLanes: number;
  /** How long a call for one blob may take. */
  readonly callMsMax: number;
  /** Where batches are counted. */
  readonly counts?: BatchCountsByKind;
}

/**
 * A skin that makes many calls for one blob into few calls for many: concurrent uploads become one
 * insert and one commit, reads that arrive together one query, and reads of one key one read.
 */
export function batched(inner: BlobStore, options: BatchedOptions): BlobStore {
  const { readLanes, writeLanes, callMsMax, counts = createBatchCounts() } = options;
  const common = { itemMsMax: callMsMax, gather: nextTurn };
  const readBounds = {
    ...common,
    lanes: readLanes,
    itemsMax: limits.readBatchKeysMax,
    bytesMax: Infinity,
    queueItemsMax: limits.readQueueKeysMax,
    bytesOf: () => 0,
  };
  const reads = createBatcher<BlobKey, Read>({
    ...readBounds,
    kind: "read",
    counts: counts.read,
    run: async (keys) => await inner.readMany(keys),
  });
  const stats = createBatcher<BlobKey, BlobStat | RegistryError | null>({
    ...readBounds,
    kind: "stat",
    counts: counts.stat,
    run: async (keys) => await inner.statMany(keys),
  });
  const writes = createBatcher<NewBlob, PutReceipt>({
    ...common,
    kind: "write",
    counts: counts.write,
    lanes: writeLanes,
    itemsMax: limits.writeBatchRowsMax,
    bytesMax: limits.writeBatchBytesMax,
    queueItemsMax: limits.writeQueueRowsMax,
    bytesOf: ({ data }) => data.length,
    run: async (blobs) => await inner.putMany(blobs),
  });
  // Many keys at once are a query of their own, which waits for its turn with others like it.
  const statLists = createBatcher<readonly BlobKey[], (BlobStat | RegistryError | null)[]>({
    ...readBounds,
    kind: "exists",
    counts: counts.exists,
    itemsMax: 1,
    queueItemsMax: limits.keyListQueueMax,
    run: async ([keys = []]) => [await inner.statMany(keys)],
  });
  const read = shareFlights(reads.submit);
  return {
    readMany: single(read, inner.readMany),
    statMany: single(stats.submit, statLists.submit),
    putMany: single(writes.submit, inner.putMany),
    openRead: async (key, range) => await inner.openRead(key, range),
    beginUpload: async () => await inner.beginUpload(),
    async close() {
      await Promise.all([reads.idle(), stats.idle(), statLists.idle(), writes.idle()]);
      await inner.close();
    },
  };
}

// --- internal ---

/**
 * Resolves once what has come from the network so far has been looked at: of many requests that
 * came together, the first would else be a batch of its own.
 */
async function nextTurn(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/**
 * A call for one item joins a batch; a call for several is a batch already. In both, bad bytes are
 * the failure of one item, and not of the call.
 */
function single<In, Out>(
  one: (item: In) => Promise<Out>,
  several: (items: readonly In[]) => Promise<(Out | RegistryError)[]>,
): (items: readonly In[]) => Promise<(Out | RegistryError)[]> {
  return async (items) => {
    const [item] = items;
    if (items.length !== 1 || item === undefined) return await several(items);
    try {
      return [await one(item)];
    } catch (error) {
      if (hasCode(error, "corrupt_blob")) return [error];
      throw error;
    }
  };
}
