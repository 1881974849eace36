import { hashBytes, parseBlobKey, toBlobHash, type BlobHash } from "../../domain/blob-key.ts";
import { RegistryError } from "../../domain/errors.ts";
import type { Registry } from "../../domain/registry.ts";
import { validatorsOf } from "../blob-headers.ts";
import { evaluateConditions, hasConditions } from "../conditions.ts";
import { createReceiptResponses } from "../receipts.ts";
import type { BodyFormat, ReceiveBlob } from "../receiving.ts";

/** What the route needs. */
export interface PutOptions {
  readonly registry: Pick<Registry, "stat">;
  readonly receive: ReceiveBlob;
}

/**
 * PUT /api/v1/metadata/{hash}: stores the body, as it is, if it hashes to the key (RFC 9110 section
 * 9.3.4). Whoever repeats it changes nothing.
 */
export function createPut({
  registry,
  receive,
}: PutOptions): (request: Request, hash: string) => Promise<Response> {
  const toCreated = createReceiptResponses(201);
  const toKnown = createReceiptResponses(200);

  return async (request, digits) => {
    const expected = parseFullHash(digits);
    refusePart(request.headers);
    if (hasConditions(request.headers)) {
      const stat = await registry.stat(expected);
      const verdict = evaluateConditions(request, stat === null ? null : validatorsOf(stat));
      if (verdict !== "proceed") throw preconditionFailed();
    }
    const receipt = await receive({ request, format: rawBody, expected });
    if (receipt.created) return toCreated(receipt);
    // Somebody else was quicker than this upload: what it asked for does not hold any more.
    if (request.headers.get("if-none-match")?.trim() === "*") throw preconditionFailed();
    return toKnown(receipt);
  };
}

// --- internal ---

const rawBody: BodyFormat = {
  framingBytesMax: 0,
  whole: (body) => body,
  pieces: (take) => ({ push: take, end() {} }),
};

function parseFullHash(digits: string): BlobHash {
  const key = parseBlobKey(digits);
  if (key.length === hashBytes) return toBlobHash(key);
  throw new RegistryError(
    "invalid_key_length",
    "PUT needs all 64 hexadecimal digits of the hash; this key has 32.",
  );
}

/** A blob has no parts to be put (RFC 9110 section 14.5). */
function refusePart(headers: Headers): void {
  if (!headers.has("content-range")) return;
  throw new RegistryError(
    "partial_upload",
    "A blob is put whole; send all of it, without Content-Range.",
  );
}

function preconditionFailed(): RegistryError {
  return new RegistryError(
    "precondition_failed",
    "The condition of this request does not hold (If-None-Match: * means: only if it is not here).",
  );
}
