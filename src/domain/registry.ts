import type { BlobHash, BlobKey } from "./blob-key.ts";
import type {
  BlobPeek,
  BlobReader,
  BlobStat,
  BlobStore,
  ByteRange,
  StoredBlob,
} from "./blob-store.ts";
import type { Bytes } from "./bytes.ts";
import type { Counters } from "./counters.ts";
import { takenDown, type DeniedKeys } from "./denied-keys.ts";
import { RegistryError } from "./errors.ts";
import type { Hashing } from "./hasher.ts";
import { limits } from "./limits.ts";
import { createReceiver, refuseMismatch, type BlobReceiver, type Receipt } from "./receiver.ts";

/** What the registry does with blobs, whoever asks. Fails with RegistryErrors. */
export interface Registry extends BlobPeek {
  /** The blob a key names, null when there is none; its `data` is null when it is large. */
  get(key: BlobKey): Promise<StoredBlob | null>;
  /** As `get`, reading no blob data. */
  stat(key: BlobKey): Promise<BlobStat | null>;
  /** Opens a blob of any size for reading, piece by piece. */
  openRead(key: BlobKey, range?: ByteRange): Promise<BlobReader | null>;
  /**
   * Stores a blob held in memory; resolves once it is committed, or known to be there and good.
   * @throws RegistryError `hash_mismatch` when it does not hash to `expected`
   */
  put(data: Bytes, expected?: BlobHash): Promise<Receipt>;
  /**
   * Whether each of many keys names no blob that is here, in one query. No bytes are read but those
   * of rows kept under 16 bytes, which may show to be bad: they count as missing, as does what is
   * taken down.
   */
  missing(keys: readonly BlobKey[]): Promise<boolean[]>;
  /** Refuses what would be uploaded under a key. @throws RegistryError `taken_down` */
  refuseDenied(key: BlobKey): void;
  /** Begins to receive a blob of unknown size. */
  receive(): BlobReceiver;
}

/** What a registry is made of. */
export interface RegistryOptions {
  readonly store: BlobStore;
  /** What is at hand of it. */
  readonly cache: BlobPeek;
  readonly hashing: Hashing;
  readonly counters: Counters;
  /** The largest blob taken, in bytes. */
  readonly blobBytesMax: number;
  /** What is taken down; left out: nothing. The store refuses it by itself. */
  readonly denied?: Pick<DeniedKeys, "denies">;
}

/** The service itself: a store, a hash and a limit. */
export function createRegistry(options: RegistryOptions): Registry {
  const { store, cache, hashing, counters, blobBytesMax, denied } = options;

  async function put(data: Bytes, expected?: BlobHash): Promise<Receipt> {
    if (data.length > Math.min(limits.inlineBlobBytesMax, blobBytesMax))
      return await putLarge(data, expected);
    const hash = hashing.hash(data);
    refuseMismatch(hash, expected);
    const receipt = only(await store.putMany([{ hash, data }]));
    if (receipt === null) throw new Error("the store gave no receipt");
    return noted({ hash, bytesTotal: data.length, created: receipt.created });
  }

  async function putLarge(data: Bytes, expected?: BlobHash): Promise<Receipt> {
    const receiver = receive();
    try {
      receiver.take(data);
      return await receiver.finish(expected);
    } catch (error) {
      void receiver.abort(); // never fails
      throw error;
    }
  }

  async function missing(keys: readonly BlobKey[]): Promise<boolean[]> {
    const stats = await store.statMany(keys);
    return stats.map((stat) => {
      if (!(stat instanceof RegistryError)) return stat === null;
      // An upload of the true bytes repairs a bad one, and is told of a taken-down one.
      if (stat.code === "corrupt_blob" || stat.code === "taken_down") return true;
      throw stat; // that is no absence
    });
  }

  function receive(): BlobReceiver {
    return createReceiver({ store, hashing, blobBytesMax, put, noted });
  }

  function noted(receipt: Receipt): Receipt {
    if (receipt.created) {
      counters.blobsCreated += 1;
      counters.bytesStored += receipt.bytesTotal;
    } else {
      counters.blobsKnown += 1;
    }
    counters.bytesReceived += receipt.bytesTotal;
    return receipt;
  }

  return {
    peek: cache.peek,
    get: async (key) => only(await store.readMany([key])),
    stat: async (key) => only(await store.statMany([key])),
    openRead: async (key, range) => await store.openRead(key, range),
    put,
    missing,
    refuseDenied(key) {
      if (denied?.denies(key) === true) throw takenDown();
    },
    receive,
  };
}

// --- internal ---

function only<T>(answers: readonly (T | RegistryError | null)[]): T | null {
  const [answer = null] = answers;
  if (answer instanceof RegistryError) throw answer;
  return answer;
}
