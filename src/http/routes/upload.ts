import { limits } from "../../domain/limits.ts";
import { parseBoundary } from "../../multipart/boundary.ts";
import { createFormReader, readForm } from "../../multipart/form-reader.ts";
import { createReceiptResponses } from "../receipts.ts";
import type { BodyFormat, ReceiveBlob } from "../receiving.ts";

/** POST /api/v1/metadata: stores the bytes of the form's `data` part, exactly as they came. */
export function createUpload(receive: ReceiveBlob): (request: Request) => Promise<Response> {
  const toResponse = createReceiptResponses(200);
  return async (request) => {
    const boundary = parseBoundary(request.headers.get("content-type"));
    return toResponse(await receive({ request, format: formOf(boundary) }));
  };
}

// --- internal ---

function formOf(boundary: string): BodyFormat {
  return {
    framingBytesMax: limits.uploadFramingBytesMax,
    whole: (body) => readForm(body, boundary),
    pieces: (take) => createFormReader({ boundary, onData: take }),
  };
}
