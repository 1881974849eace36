import { toHex } from "../domain/bytes.ts";
import type { Receipt } from "../domain/receiver.ts";
import type { Destinations } from "./destinations.ts";
import { readableFields } from "./origins.ts";
import { metadataPath } from "./path-map.ts";

/** Makes the answer to an upload. */
export type ReceiptResponse = (request: Request, receipt: Receipt) => Response;

/**
 * Makes answers that carry the receipt of an upload, all of one status: its `url` is that of the
 * blob's own name, where there is one. As for blobs, one Headers object serves all.
 */
export function createReceiptResponses(
  status: 200 | 201,
  destinations: Pick<Destinations, "urlOf">,
): ReceiptResponse {
  const headers = new Headers({
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    ...readableFields,
  });
  const init = { status, headers };
  return (request, { hash, bytesTotal, created }) => {
    const digits = toHex(hash);
    const url = destinations.urlOf(request, hash);
    headers.set("Location", `${metadataPath}/${digits}`);
    headers.set("ETag", `"${digits}"`);
    // None of these needs escaping in JSON.
    const more = url === null ? "" : `,"url":"${url}"`;
    return new Response(
      `{"hash":"${digits}","size":${bytesTotal},"created":${created}${more}}`,
      init,
    );
  };
}
