import { parseBlobKey, type BlobKey } from "../../domain/blob-key.ts";
import type { Budget } from "../../domain/budget.ts";
import type { Bytes } from "../../domain/bytes.ts";
import { RegistryError } from "../../domain/errors.ts";
import { limits } from "../../domain/limits.ts";
import type { Registry } from "../../domain/registry.ts";
import { spanning } from "../../tracing/spanning.ts";
import { readableFields } from "../origins.ts";
import { refuseEncoding } from "../receiving.ts";
import { declaredBytesOf, readBodyPieces, readWholeBody } from "../upload-body.ts";

/**
 * POST /api/v1/metadata/exists: which of many blobs are missing, as the client named them and in
 * its order, by one query.
 */
export function createExists(
  registry: Pick<Registry, "missing">,
  budget: Budget,
): (request: Request) => Promise<Response> {
  async function answer(request: Request): Promise<Response> {
    const names = namesIn(await readBody(request));
    const isMissing = await registry.missing(names.map(parseListedKey));
    const missing = names.filter((_, index) => isMissing[index]);
    return new Response(JSON.stringify({ missing }), { headers: answerFields });
  }

  return async (request) => {
    refuseOtherTypes(request.headers.get("content-type"));
    refuseEncoding(request.headers);
    const bytesHeld = Math.min(declaredBytesOf(request) ?? Infinity, limits.keyListBytesMax);
    if (!budget.tryTake(bytesHeld)) await spanning("budget wait", () => budget.take(bytesHeld));
    try {
      return await answer(request);
    } finally {
      budget.give(bytesHeld);
    }
  };
}

// --- internal ---

const answerFields = {
  "Content-Type": "application/json",
  "Cache-Control": "no-store",
  ...readableFields,
};

const bounds =
  `Ask for at most ${limits.keyListMax} keys at once, ` +
  `in a body of at most ${limits.keyListBytesMax} bytes`;

function refuseOtherTypes(contentType: string | null): void {
  const [type = ""] = (contentType ?? "").split(";");
  if (type.trim().toLowerCase() === "application/json") return;
  throw new RegistryError(
    "unsupported_media_type",
    'Send the keys as application/json: {"hashes": ["…"]}.',
  );
}

async function readBody(request: Request): Promise<Bytes> {
  const declaredBytes = declaredBytesOf(request);
  if (declaredBytes === null) return await gatherBody(request);
  if (declaredBytes > limits.keyListBytesMax) throw tooLarge();
  return await readWholeBody(request);
}

/** A body whose length nobody announced, copied: many small pieces would hold much more each. */
async function gatherBody(request: Request): Promise<Bytes> {
  const body = new Uint8Array(limits.keyListBytesMax);
  let filled = 0;
  await readBodyPieces(request, async (piece) => {
    if (filled + piece.length > body.length) throw tooLarge();
    body.set(piece, filled);
    filled += piece.length;
  });
  return body.subarray(0, filled);
}

function namesIn(body: Bytes): readonly string[] {
  const { hashes } = (parseJson(body) ?? {}) as { readonly hashes?: unknown };
  if (!Array.isArray(hashes)) throw unreadable();
  if (hashes.length > limits.keyListMax) {
    throw new RegistryError("too_many_keys", `${bounds}; this list has ${hashes.length}.`);
  }
  const stranger = hashes.findIndex((name) => typeof name !== "string");
  if (stranger >= 0) {
    throw new RegistryError("invalid_key_list", `hashes[${stranger}]: A key is a string.`);
  }
  return hashes as readonly string[];
}

function parseJson(body: Bytes): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch (cause) {
    throw unreadable(cause);
  }
}

function parseListedKey(name: string, index: number): BlobKey {
  try {
    return parseBlobKey(name);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    throw new RegistryError(error.code, `hashes[${index}]: ${error.message}`, { cause: error });
  }
}

function unreadable(cause?: unknown): RegistryError {
  return new RegistryError(
    "invalid_key_list",
    'The body must be JSON: an object whose "hashes" is a list of keys as strings.',
    { cause },
  );
}

function tooLarge(): RegistryError {
  return new RegistryError("body_too_large", `${bounds}.`);
}
