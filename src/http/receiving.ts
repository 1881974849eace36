import type { BlobHash } from "../domain/blob-key.ts";
import type { Budget } from "../domain/budget.ts";
import type { Bytes } from "../domain/bytes.ts";
import { databaseTimeout, withDeadline } from "../domain/deadline.ts";
import { RegistryError } from "../domain/errors.ts";
import { limits } from "../domain/limits.ts";
import type { Receipt } from "../domain/receiver.ts";
import type { Registry } from "../domain/registry.ts";
import { spanning } from "../tracing/spanning.ts";
import { readDigests, type DigestCheck } from "./digest-fields.ts";
import {
  bytesHeldBy,
  declaredBytesOf,
  isReadWhole,
  readBodyPieces,
  readWholeBody,
} from "./upload-body.ts";

/** How a body holds the bytes of a blob. */
export interface BodyFormat {
  /** How far Content-Length may exceed the largest blob. */
  readonly framingBytesMax: number;
  /** The blob in a whole body. @throws RegistryError when the body cannot be read */
  whole(body: Bytes): Bytes;
  /** Hands on the bytes of the blob as those of the body come. */
  pieces(take: (bytes: Bytes) => void): PieceReader;
}

/** What receiving needs. */
export interface ReceivingOptions {
  readonly registry: Registry;
  /** What the bodies under way may hold of memory. */
  readonly budget: Budget;
  readonly blobBytesMax: number;
  /** Hears of the bytes of bodies that are read; left out: nobody does. */
  readonly spendBytes?: ((request: Request, bytes: number) => void) | null;
  /** How long storing may take once the body is there. */
  readonly storeMsMax: number;
}

/** Receives the blob in a request's body and stores it. @throws RegistryError */
export type ReceiveBlob = (reception: Reception) => Promise<Receipt>;

/**
 * The way in of every blob: refuses what can be refused before the body, compares the digests that
 * were announced, and stores nothing of a body that turns out wrong.
 */
export function createReceiving(options: ReceivingOptions): ReceiveBlob {
  const { registry, budget, blobBytesMax, storeMsMax, spendBytes = null } = options;

  async function receiveWhole(
    { request, format, expected }: Reception,
    digests: DigestCheck | null,
  ): Promise<Receipt> {
    // Nobody sees how much of it comes, should it not come whole.
    spendBytes?.(request, declaredBytesOf(request) ?? 0);
    const body = await readWholeBody(request);
    digests?.update(body);
    digests?.end();
    const data = format.whole(body);
    const stored = registry.put(data, expected);
    // What is one row has its deadline with its batch.
    const receipt = await (data.length <= limits.inlineBlobBytesMax ? stored : inTime(stored));
    // Stored, it is ours again. The collector would let hundreds of MiB of them pile up.
    if (body.length > limits.smallTransferBytesMax) body.buffer.transfer(0);
    return receipt;
  }

  async function receivePieces(
    { request, format, expected }: Reception,
    digests: DigestCheck | null,
  ): Promise<Receipt> {
    const receiver = registry.receive();
    const reader = format.pieces(receiver.take);
    try {
      await readBodyPieces(request, async (piece) => {
        spendBytes?.(request, piece.length);
        digests?.update(piece);
        reader.push(piece);
        await receiver.drained();
      });
      digests?.end();
      reader.end();
      return await inTime(receiver.finish(expected));
    } catch (error) {
      void receiver.abort(); // never fails, and the client need not wait for it
      throw error;
    }
  }

  function inTime(storing: Promise<Receipt>): Promise<Receipt> {
    return withDeadline(storing, storeMsMax, () => databaseTimeout(storeMsMax));
  }

  return async (reception) => {
    const { request, format } = reception;
    refuseEncoding(request.headers);
    const declaredBytes = declaredBytesOf(request);
    if (declaredBytes !== null && declaredBytes > blobBytesMax + format.framingBytesMax) {
      throw announcedTooLarge(declaredBytes, blobBytesMax);
    }
    const digests = readDigests(request.headers);
    const bytesHeld = bytesHeldBy(declaredBytes);
    if (!budget.tryTake(bytesHeld)) await spanning("budget wait", () => budget.take(bytesHeld));
    try {
      if (reception.precondition !== undefined) await reception.precondition();
      return isReadWhole(declaredBytes)
        ? await receiveWhole(reception, digests)
        : await receivePieces(reception, digests);
    } finally {
      budget.give(bytesHeld);
    }
  };
}

/**
 * Refuses a body that is not what it stands for (RFC 9110 section 8.4).
 * @throws RegistryError `unsupported_content_encoding`
 */
export function refuseEncoding(headers: Headers): void {
  if (!headers.has("content-encoding")) return;
  throw new RegistryError(
    "unsupported_content_encoding",
    "Send the body as it is, without Content-Encoding: hashes and ciphertext do not compress.",
  );
}

// --- internal ---

/** Reads a body piece by piece. Both throw a RegistryError when the body cannot be read. */
interface PieceReader {
  push(piece: Bytes): void;
  end(): void;
}

/** What is received. */
interface Reception {
  readonly request: Request;
  readonly format: BodyFormat;
  /** What the blob must hash to; left out: anything. */
  readonly expected?: BlobHash;
  /**
   * Throws what else there is against the request. Asked last, when the rest of it is in order, and
   * before its body is read (RFC 9110 section 13.2.1).
   */
  precondition?(): Promise<void>;
}

/** Early, before the body is read; what is close to the limit is counted as it comes. */
function announcedTooLarge(declaredBytes: number, blobBytesMax: number): RegistryError {
  return new RegistryError(
    "blob_too_large",
    `A blob may have at most ${blobBytesMax} bytes here; the request announces ${declaredBytes}.`,
  );
}
