import { limits } from "../../domain/limits.ts";
import { parseBoundary } from "../../multipart/boundary.ts";
import { createFormReader, readForm } from "../../multipart/form-reader.ts";
import { isTracing } from "../../tracing/current.ts";
import { spanning } from "../../tracing/spanning.ts";
import type { Destinations } from "../destinations.ts";
import { createReceiptResponses } from "../receipts.ts";
import type { BodyFormat, ReceiveBlob } from "../receiving.ts";

/** What the route needs. */
export interface UploadOptions {
  readonly receive: ReceiveBlob;
  readonly destinations: Destinations;
}

/** POST /api/v1/metadata: stores the bytes of the form's `data` part, exactly as they came. */
export function createUpload({
  receive,
  destinations,
}: UploadOptions): (request: Request) => Promise<Response> {
  const toResponse = createReceiptResponses(200, destinations);
  return async (request) => {
    const boundary = parseBoundary(request.headers.get("content-type"));
    return toResponse(request, await receive({ request, format: formOf(boundary) }));
  };
}

// --- internal ---

function formOf(boundary: string): BodyFormat {
  return {
    framingBytesMax: limits.uploadFramingBytesMax,
    whole: (body) =>
      isTracing() ? spanning("parse", () => readForm(body, boundary)) : readForm(body, boundary),
    pieces: (take) => createFormReader({ boundary, onData: take }),
  };
}
