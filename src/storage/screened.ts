import type { BlobHash, BlobKey } from "../domain/blob-key.ts";
import type {
  BlobReader,
  BlobStat,
  BlobStore,
  BlobUpload,
  ByteRange,
  NewBlob,
  PutReceipt,
  Segment,
} from "../domain/blob-store.ts";
import { takenDown, type DeniedKeys } from "../domain/denied-keys.ts";
import { RegistryError } from "../domain/errors.ts";

/**
 * A skin that neither gives out nor takes what is denied: `taken_down`. It looks before it asks,
 * and again at what comes back: 16 bytes do not tell the rest of a key, and more may have been
 * denied meanwhile. Put a cache around it, not beneath: what is at hand is not looked at again, but
 * forgotten when it is denied.
 */
export function screened(inner: BlobStore, keys: Pick<DeniedKeys, "denies">): BlobStore {
  const { denies } = keys;

  /** Refusals in the place of what is denied; where nothing is, the answers as they are. */
  function screen<T extends BlobStat>(answers: Answer<T>[]): Answer<T>[] {
    const isDenied = (answer: Answer<T>): boolean =>
      answer !== null && !(answer instanceof RegistryError) && denies(answer.hash);
    if (!answers.some(isDenied)) return answers;
    return answers.map((answer) => (isDenied(answer) ? takenDown() : answer));
  }

  /** Not async, as the answers to most calls need no more of it than a look. */
  function answered<T extends BlobStat>(
    asked: readonly BlobKey[],
    ask: (allowed: readonly BlobKey[]) => Promise<Answer<T>[]>,
  ): Promise<Answer<T>[]> {
    return asked.some(denies) ? partly(asked, ask) : ask(asked).then(screen);
  }

  async function partly<T extends BlobStat>(
    asked: readonly BlobKey[],
    ask: (allowed: readonly BlobKey[]) => Promise<Answer<T>[]>,
  ): Promise<Answer<T>[]> {
    const isAllowed = asked.map((key) => !denies(key));
    const allowed = asked.filter((_, index) => isAllowed[index]);
    const answers = allowed.length === 0 ? [] : screen(await ask(allowed));
    return isAllowed.map((allows) => (allows ? (answers.shift() ?? null) : takenDown()));
  }

  async function putMany(blobs: readonly NewBlob[]): Promise<(PutReceipt | RegistryError)[]> {
    const allowed = blobs.filter(({ hash }) => !denies(hash));
    if (allowed.length === blobs.length) return await inner.putMany(blobs);
    const receipts = allowed.length === 0 ? [] : await inner.putMany(allowed);
    const byBlob = new Map(allowed.map((blob, index) => [blob, receipts[index]]));
    return blobs.map((blob) => byBlob.get(blob) ?? takenDown());
  }

  async function openRead(key: BlobKey, range?: ByteRange): Promise<BlobReader | null> {
    if (denies(key)) throw takenDown();
    const reader = await inner.openRead(key, range);
    if (reader === null) return null;
    return { ...reader, segments: untilDenied(reader) };
  }

  /** A download under way ends, in a reset, at the segment after. */
  async function* untilDenied({ hash, segments }: BlobReader): AsyncGenerator<Segment> {
    if (denies(hash)) throw takenDown();
    for await (const segment of segments) {
      if (denies(hash)) throw takenDown();
      yield segment;
    }
  }

  async function beginUpload(): Promise<BlobUpload> {
    const upload = await inner.beginUpload();
    return {
      append: upload.append,
      abort: upload.abort,
      async commit(hash: BlobHash) {
        if (denies(hash)) throw takenDown();
        return await upload.commit(hash);
      },
    };
  }

  return {
    readMany: (asked) => answered(asked, inner.readMany),
    statMany: (asked) => answered(asked, inner.statMany),
    putMany,
    openRead,
    beginUpload,
    close: async () => await inner.close(),
  };
}

// --- internal ---

type Answer<T> = T | RegistryError | null;
