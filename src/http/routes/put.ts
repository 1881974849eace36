import { hashBytes, parseBlobKey, toBlobHash, type BlobHash } from "../../domain/blob-key.ts";
import { hasCode, RegistryError } from "../../domain/errors.ts";
import type { Registry } from "../../domain/registry.ts";
import { entityTagOf, validatorsOf } from "../blob-headers.ts";
import { evaluateConditions, hasConditions, type Validators } from "../conditions.ts";
import type { Destinations } from "../destinations.ts";
import { createReceiptResponses } from "../receipts.ts";
import type { BodyFormat, ReceiveBlob } from "../receiving.ts";

/** What the route needs. */
export interface PutOptions {
  readonly registry: Pick<Registry, "stat" | "refuseDenied">;
  readonly receive: ReceiveBlob;
  readonly destinations: Destinations;
}

/**
 * PUT /api/v1/metadata/{hash}: stores the body, as it is, if it hashes to the key (RFC 9110 section
 * 9.3.4): 201 when it is new, 200 when it is known. Whoever repeats it changes nothing.
 */
export function createPut({
  registry,
  receive,
  destinations,
}: PutOptions): (request: Request, hash: string) => Promise<Response> {
  const toCreated = createReceiptResponses(201, destinations);
  const toKnown = createReceiptResponses(200, destinations);

  async function validatorsAt(hash: BlobHash): Promise<Validators | null> {
    const stat = await registry.stat(hash).catch(nothingIfCorrupt);
    return stat === null ? null : validatorsOf(stat);
  }

  return async (request, digits) => {
    const expected = parseFullHash(digits);
    registry.refuseDenied(expected);
    refusePart(request.headers);
    const isConditional = hasConditions(request.headers);

    async function precondition(): Promise<void> {
      if (isConditional) refuseUnless(request, await validatorsAt(expected));
    }

    const receipt = await receive({ request, format: rawBody, expected, precondition });
    if (receipt.created) return toCreated(request, receipt);
    // Somebody may have been quicker than this upload, and what it asks for not hold any more.
    if (isConditional) refuseUnless(request, undated(receipt.hash));
    return toKnown(request, receipt);
  };
}

// --- internal ---

const rawBody: BodyFormat = {
  framingBytesMax: 0,
  whole: (body) => body,
  pieces: (take) => ({ push: take, end() {} }),
};

/** What an upload has met: its own date, where it is that, is not held against it. */
function undated(hash: BlobHash): Validators {
  return { entityTag: entityTagOf(hash), modifiedAtMs: null };
}

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

/** What is bad is as good as absent: the upload repairs it. */
function nothingIfCorrupt(error: unknown): null {
  if (hasCode(error, "corrupt_blob")) return null;
  throw error;
}

function refuseUnless(request: Request, selected: Validators | null): void {
  if (evaluateConditions(request, selected) === "proceed") return;
  throw new RegistryError(
    "precondition_failed",
    `The condition of this request does not hold: the blob is ${selected === null ? "not " : ""}` +
      "here. Leave the condition out to store it in any case.",
  );
}
