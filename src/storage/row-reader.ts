import type { BlobReader, Segment, StoredBlob } from "../domain/blob-store.ts";
import type { Bytes } from "../domain/bytes.ts";

/** A reader of a blob whose bytes are all there: one segment, whatever the range. */
export function toReader(blob: StoredBlob & { readonly data: Bytes }): BlobReader {
  const { hash, data, bytesTotal, createdAtMs } = blob;
  return { hash, bytesTotal, createdAtMs, offset: 0, segments: once({ hash, data }) };
}

// --- internal ---

async function* once(segment: Segment): AsyncGenerator<Segment> {
  yield segment;
}
