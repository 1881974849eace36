import { toHex, type Bytes } from "../../domain/bytes.ts";
import { databaseTimeout, withDeadline } from "../../domain/deadline.ts";
import { RegistryError } from "../../domain/errors.ts";
import { limits } from "../../domain/limits.ts";
import type { Receipt } from "../../domain/receiver.ts";
import type { Registry } from "../../domain/registry.ts";
import { parseBoundary } from "../../multipart/boundary.ts";
import { createFormReader } from "../../multipart/form-reader.ts";
import { entityTagOf } from "../blob-headers.ts";
import { metadataPath } from "../path-map.ts";
import { declaredBytesOf, isReadWhole, readUploadBody } from "../upload-body.ts";

/** What the upload route needs. */
export interface UploadOptions {
  readonly registry: Registry;
  readonly blobBytesMax: number;
  /** How long storing may take once the body is there. */
  readonly storeMsMax: number;
}

/** POST /api/v1/metadata: stores the bytes of the form's `data` part, exactly as they came. */
export function createUpload(options: UploadOptions): (request: Request) => Promise<Response> {
  const { registry, blobBytesMax, storeMsMax } = options;

  async function upload(request: Request): Promise<Response> {
    const boundary = parseBoundary(request.headers.get("content-type"));
    refuseEncoding(request.headers.get("content-encoding"));
    const declaredBytes = declaredBytesOf(request);
    refuseTooLarge(declaredBytes, blobBytesMax);
    return toAnswer(await receive(request, boundary, declaredBytes));
  }

  async function receive(
    request: Request,
    boundary: string,
    declaredBytes: number | null,
  ): Promise<Receipt> {
    const receiver = registry.receive({ isLent: !isReadWhole(declaredBytes) });
    const form = createFormReader({ boundary, onData: receiver.take });
    try {
      const take = async (piece: Bytes): Promise<void> => {
        form.push(piece);
        await receiver.drained();
      };
      await readUploadBody(request, { declaredBytes, take });
      form.end();
      return await withDeadline(receiver.finish(), storeMsMax, () => databaseTimeout(storeMsMax));
    } catch (error) {
      void receiver.abort(); // never fails, and the client need not wait for it
      throw error;
    }
  }

  return upload;
}

// --- internal ---

function refuseEncoding(contentEncoding: string | null): void {
  if (contentEncoding === null) return;
  throw new RegistryError(
    "unsupported_content_encoding",
    "Send the blob as it is, without Content-Encoding: ciphertext does not compress.",
  );
}

/** Early, before the body is read; what is close to the limit is counted as it comes. */
function refuseTooLarge(declaredBytes: number | null, blobBytesMax: number): void {
  if (declaredBytes === null || declaredBytes <= blobBytesMax + limits.uploadFramingBytesMax)
    return;
  throw new RegistryError(
    "blob_too_large",
    `A blob may have at most ${blobBytesMax} bytes here; the request announces ${declaredBytes}.`,
  );
}

function toAnswer({ hash, bytesTotal, created }: Receipt): Response {
  const hex = toHex(hash);
  return new Response(JSON.stringify({ hash: hex, size: bytesTotal, created }), {
    headers: {
      "Content-Type": "application/json",
      "Cache-Control": "no-store",
      Location: `${metadataPath}/${hex}`,
      ETag: entityTagOf(hash),
    },
  });
}
