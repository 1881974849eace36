import { hashBytes, type BlobKey, toBlobHash } from "../domain/blob-key.ts";
import type {
  BlobReader,
  BlobStat,
  BlobStore,
  ByteRange,
  NewBlob,
  PutReceipt,
} from "../domain/blob-store.ts";
import { bytesEqual } from "../domain/bytes.ts";
import type { Counters } from "../domain/counters.ts";
import { hasCode, RegistryError } from "../domain/errors.ts";
import { limits } from "../domain/limits.ts";
import type { Log } from "../domain/log.ts";
import { currentSpan } from "../tracing/current.ts";
import {
  createBlobChecks,
  type BlobChecks,
  type BlobChecksOptions,
  type Read,
} from "./blob-checks.ts";
import { toReader } from "./row-reader.ts";
import type { SqlBlobStore } from "./sql-blob-store.ts";

/** What the skin needs. */
export interface VerifiedOptions extends BlobChecksOptions {
  /** Told of a bad row that nobody else hears of, because the blob has a good one too. */
  readonly log?: Log;
}

/**
 * A skin that trusts no stored byte: what does not hash to its key is `corrupt_blob`, never given
 * out, and replaced by an upload of the true bytes. Above it every blob has its 32-byte hash, also
 * one that the Rust registry keeps under 16 bytes. Of a blob with two rows, the good one is given.
 */
export function verified(inner: InnerStore, options: VerifiedOptions): BlobStore {
  const checks = createBlobChecks(options);
  const { check, findGood, checkSegments } = checks;

  async function readMany(keys: readonly BlobKey[]): Promise<Read[]> {
    const blobs = await inner.readMany(keys);
    const verifying = currentSpan()?.child("verify") ?? null;
    const read = keys.map((key, index) => check(key, blobs[index] ?? null));
    verifying?.end();
    for (const [index, key] of keys.entries()) {
      const answer = read[index];
      if (!hasCode(answer, "corrupt_blob")) continue;
      const good = findGood(key, (await inner.readAll?.(key)) ?? []);
      if (good === null) continue;
      options.log?.error("a stored row is bad, beside a good one of its blob", { error: answer });
      read[index] = good;
    }
    return read;
  }

  async function statMany(keys: readonly BlobKey[]): Promise<(BlobStat | RegistryError | null)[]> {
    const stats = await inner.statMany(keys);
    // Only the bytes tell the hash of a row kept under 16 bytes; not those of too many at once.
    const short = keys.filter((_, index) => isShort(stats[index] ?? null));
    const read: Read[] = [];
    for (let from = 0; from < short.length; from += limits.readBatchKeysMax) {
      read.push(...(await readMany(short.slice(from, from + limits.readBatchKeysMax))));
    }
    return stats.map((stat) => (isShort(stat) ? (read.shift() ?? null) : stat));
  }

  async function putMany(blobs: readonly NewBlob[]): Promise<(PutReceipt | RegistryError)[]> {
    const receipts = await inner.putMany(blobs);
    const known = blobs.filter(
      ({ replaces, isKnownGood }, index) =>
        replaces === undefined && isKnownGood !== true && isKnown(receipts[index]),
    );
    if (known.length === 0) return receipts;
    const repaired = await confirm(known, { inner, checks, counters: options.counters });
    return receipts.map((receipt, index) => {
      const blob = blobs[index];
      return (blob === undefined ? undefined : repaired.get(blob)) ?? receipt;
    });
  }

  async function openRead(key: BlobKey, range?: ByteRange): Promise<BlobReader | null> {
    const reader = await inner.openRead(key, range);
    if (reader === null) return null;
    if (isShort(reader)) return await openShort(key, range);
    const whole = range === undefined ? toBlobHash(reader.hash) : null;
    return { ...reader, segments: checkSegments(reader, whole) };
  }

  async function openShort(key: BlobKey, range?: ByteRange): Promise<BlobReader | null> {
    const [blob = null] = await readMany([key]);
    if (blob instanceof RegistryError) throw blob;
    if (blob === null) return null;
    if (blob.data === null) return isShort(blob) ? null : await openRead(blob.hash, range);
    return toReader({ ...blob, data: blob.data });
  }

  return {
    readMany,
    statMany,
    putMany,
    openRead,
    beginUpload: async () => await inner.beginUpload(),
    close: async () => await inner.close(),
  };
}

// --- internal ---

/** Tests wrap stores that are no databases. */
type InnerStore = BlobStore & Partial<Pick<SqlBlobStore, "readAll">>;

interface Confirmation {
  readonly inner: InnerStore;
  readonly checks: BlobChecks;
  readonly counters: Counters;
}

/**
 * Makes sure, before anybody is told so, that blobs said to be there are there and good; gives what
 * became of those that were not.
 */
async function confirm(
  known: readonly NewBlob[],
  { inner, checks, counters }: Confirmation,
): Promise<Map<NewBlob, PutReceipt | RegistryError>> {
  const stored = await inner.readMany(known.map(({ hash }) => hash));
  const repairs = new Map<NewBlob, NewBlob>();
  for (const [index, blob] of known.entries()) {
    const replaces = checks.rowToReplace(blob, stored[index] ?? null);
    if (replaces !== null) repairs.set(blob, { ...blob, replaces });
  }
  if (repairs.size === 0) return new Map();
  const receipts = await inner.putMany([...repairs.values()]);
  const answers = new Map<NewBlob, PutReceipt | RegistryError>();
  for (const [index, blob] of [...repairs.keys()].entries()) {
    const receipt = receipts[index] ?? lost();
    answers.set(blob, receipt);
    if (receipt instanceof RegistryError) continue;
    if (isKnown(receipt)) counters.blobsRepaired += 1;
    await repairOther(blob, inner, checks);
  }
  return answers;
}

/** Where one row of a blob was bad, its other one may be too, and would come first some day. */
async function repairOther(blob: NewBlob, inner: InnerStore, checks: BlobChecks): Promise<void> {
  for (const row of (await inner.readAll?.(blob.hash)) ?? []) {
    const replaces = checks.rowToReplace(blob, row);
    if (replaces === null || !bytesEqual(replaces, row.hash)) continue;
    await inner.putMany([{ ...blob, replaces }]);
  }
}

function isShort(stat: BlobStat | RegistryError | null): boolean {
  return stat !== null && !(stat instanceof RegistryError) && stat.hash.length < hashBytes;
}

function lost(): never {
  throw new Error("the store gave no receipt");
}

function isKnown(receipt: PutReceipt | RegistryError | undefined): boolean {
  return receipt !== undefined && !(receipt instanceof RegistryError) && !receipt.created;
}
