import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { digestOf, type Token } from "./token-file.ts";

/** What an Authorization field says of its sender (RFC 6750 section 3). */
type Bearer =
  | { readonly kind: "known"; readonly name: string }
  /** It names no token. */
  | { readonly kind: "missing" }
  | { readonly kind: "unknown" }
  | { readonly kind: "expired"; readonly name: string };

/** Those who may upload. */
export interface Bearers {
  /** Who sends; `nowMs` is the time, in ms since 1970. */
  identify(authorization: string | null, nowMs: number): Bearer;
}

/**
 * Bearers by their tokens. A token is looked up by a digest that nobody outside can know, and
 * compared in constant time: how long it takes tells nothing of how near a guess was.
 */
export function createBearers(tokens: readonly Token[]): Bearers {
  const key = randomBytes(32);
  const blind = (digest: string): Buffer => createHmac("sha256", key).update(digest).digest();
  const known = new Map<number, Entry[]>();
  for (const token of tokens) {
    const blinded = blind(token.digest);
    const slot = blinded.readUInt32LE(0);
    known.set(slot, [...(known.get(slot) ?? []), { token, blinded }]);
  }

  function identify(authorization: string | null, nowMs: number): Bearer {
    const secret = bearerForm.exec(authorization ?? "")?.[1];
    if (secret === undefined) return { kind: "missing" };
    const blinded = blind(digestOf(secret));
    let found: Token | null = null;
    for (const entry of known.get(blinded.readUInt32LE(0)) ?? []) {
      if (timingSafeEqual(entry.blinded, blinded)) found = entry.token;
    }
    if (found === null) return { kind: "unknown" };
    const { name, expiresAtMs } = found;
    return { kind: expiresAtMs !== null && nowMs >= expiresAtMs ? "expired" : "known", name };
  }

  return { identify };
}

// --- internal ---

interface Entry {
  readonly token: Token;
  readonly blinded: Buffer;
}

/** The name of a scheme has no case (RFC 9110 section 11.1). */
const bearerForm = /^Bearer +([A-Za-z0-9._~+/-]+=*) *$/i;
