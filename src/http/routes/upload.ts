import { toHex } from "../../domain/bytes.ts";
import { databaseTimeout, withDeadline } from "../../domain/deadline.ts";
import { RegistryError } from "../../domain/errors.ts";
import { limits } from "../../domain/limits.ts";
import type { Receipt } from "../../domain/receiver.ts";
import type { Registry } from "../../domain/registry.ts";
import { parseBoundary } from "../../multipart/boundary.ts";
import { createFormReader, readForm } from "../../multipart/form-reader.ts";
import { metadataPath } from "../path-map.ts";
import { declaredBytesOf, isReadWhole, readBodyPieces, readWholeBody } from "../upload-body.ts";

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
  const toResponse = createReceiptResponses();

  async function upload(request: Request): Promise<Response> {
    const boundary = parseBoundary(request.headers.get("content-type"));
    refuseEncoding(request.headers.get("content-encoding"));
    const declaredBytes = declaredBytesOf(request);
    refuseTooLarge(declaredBytes, blobBytesMax);
    const receipt = isReadWhole(declaredBytes)
      ? await receiveWhole(request, boundary)
      : await receivePieces(request, boundary);
    return toResponse(receipt);
  }

  async function receiveWhole(request: Request, boundary: string): Promise<Receipt> {
    const data = readForm(await readWholeBody(request), boundary);
    const stored = registry.put(data);
    return await (data.length <= limits.inlineBlobBytesMax ? stored : inTime(stored));
  }

  async function receivePieces(request: Request, boundary: string): Promise<Receipt> {
    const receiver = registry.receive();
    const form = createFormReader({ boundary, onData: receiver.take });
    try {
      await readBodyPieces(request, async (piece) => {
        form.push(piece);
        await receiver.drained();
      });
      form.end();
      return await inTime(receiver.finish());
    } catch (error) {
      void receiver.abort(); // never fails, and the client need not wait for it
      throw error;
    }
  }

  function inTime(storing: Promise<Receipt>): Promise<Receipt> {
    return withDeadline(storing, storeMsMax, () => databaseTimeout(storeMsMax));
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

/** Makes answers that carry a receipt. As for blobs, one Headers object serves all. */
function createReceiptResponses(): (receipt: Receipt) => Response {
  const headers = new Headers({ "Content-Type": "application/json", "Cache-Control": "no-store" });
  const init = { headers };
  return ({ hash, bytesTotal, created }) => {
    const digits = toHex(hash);
    headers.set("Location", `${metadataPath}/${digits}`);
    headers.set("ETag", `"${digits}"`);
    return new Response(`{"hash":"${digits}","size":${bytesTotal},"created":${created}}`, init);
  };
}
