import { parseBlobKey } from "../../domain/blob-key.ts";
import { toHex } from "../../domain/bytes.ts";
import type { BlobStat } from "../../domain/blob-store.ts";
import type { Counters } from "../../domain/counters.ts";
import { RegistryError } from "../../domain/errors.ts";
import { limits } from "../../domain/limits.ts";
import type { Registry } from "../../domain/registry.ts";
import { blobFields, createBlobResponses, entityTagOf } from "../blob-headers.ts";
import type { LargeBody } from "../large-body.ts";

/** What the download routes need. */
export interface DownloadOptions {
  readonly registry: Registry;
  readonly largeBody: LargeBody;
  readonly counters: Counters;
}

/** GET and HEAD of a blob, by the digits of its key. */
export interface Download {
  readonly get: (hash: string) => Promise<Response>;
  readonly head: (hash: string) => Promise<Response>;
}

/** GET and HEAD /api/v1/metadata/{hash}: a blob, and what GET would say of it. */
export function createDownload({ registry, largeBody, counters }: DownloadOptions): Download {
  const toResponse = createBlobResponses();

  async function get(hash: string): Promise<Response> {
    const key = parseBlobKey(hash);
    const blob = found(await registry.get(key));
    if (blob.data !== null) {
      counters.bytesSent += blob.data.length;
      return toResponse(blob.data, toHex(blob.hash));
    }
    const reader = found(await registry.openRead(key));
    const body =
      reader.bytesTotal <= limits.bufferedResponseBytesMax
        ? await largeBody.gather(reader)
        : await largeBody.stream(reader);
    return new Response(body, { headers: blobFields(entityTagOf(reader.hash)) });
  }

  async function head(hash: string): Promise<Response> {
    const stat = found(await registry.stat(parseBlobKey(hash)));
    return new Response(null, {
      headers: { ...blobFields(entityTagOf(stat.hash)), "Content-Length": String(stat.bytesTotal) },
    });
  }

  return { get, head };
}

// --- internal ---

function found<T extends BlobStat>(blob: T | null): T {
  if (blob !== null) return blob;
  throw new RegistryError("not_found", "No blob has this key here.");
}
