import { toHex } from "../domain/bytes.ts";
import type { Receipt } from "../domain/receiver.ts";
import { metadataPath } from "./path-map.ts";

/**
 * Makes answers that carry the receipt of an upload, all of one status. As for blobs, one Headers
 * object serves all.
 */
export function createReceiptResponses(status: 200 | 201): (receipt: Receipt) => Response {
  const headers = new Headers({ "Content-Type": "application/json", "Cache-Control": "no-store" });
  const init = { status, headers };
  return ({ hash, bytesTotal, created }) => {
    const digits = toHex(hash);
    headers.set("Location", `${metadataPath}/${digits}`);
    headers.set("ETag", `"${digits}"`);
    return new Response(`{"hash":"${digits}","size":${bytesTotal},"created":${created}}`, init);
  };
}
