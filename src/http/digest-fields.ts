import { CryptoHasher } from "bun";
import { parseDictionary } from "structured-headers";
import type { Bytes } from "../domain/bytes.ts";
import { RegistryError } from "../domain/errors.ts";

/** The active algorithms of RFC 9530 (section 7.2), best first, and what Bun calls them. */
const algorithms = { "sha-512": "sha512", "sha-256": "sha256" } as const;

type Algorithm = keyof typeof algorithms;

/** Compares what is received with the digests that were announced. */
export interface DigestCheck {
  /** Takes the next bytes of the body. */
  update(bytes: Bytes): void;
  /** The body has ended. @throws RegistryError `digest_mismatch` */
  end(): void;
}

/**
 * What a request announces of its body in Content-Digest and Repr-Digest (RFC 9530), which are the
 * same here, where no body is encoded or partial. Null when it announces nothing that is known.
 * @throws RegistryError `invalid_digest` for a field that cannot be read: who announces a digest
 * wants it compared
 */
export function readDigests(headers: Headers): DigestCheck | null {
  const contentDigest = headers.get("content-digest");
  const reprDigest = headers.get("repr-digest");
  if (contentDigest === null && reprDigest === null) return null;
  const announced = [
    ...digestsOf("Content-Digest", contentDigest),
    ...digestsOf("Repr-Digest", reprDigest),
  ];
  return announced.length === 0 ? null : createCheck(announced);
}

/**
 * The Repr-Digest that Want-Repr-Digest asks for (RFC 9530 section 4): of the algorithms known here
 * the one wanted most. Null when none is; a field that cannot be read is ignored, as a preference.
 */
export function reprDigestOf(wantReprDigest: string, data: Bytes): string | null {
  const algorithm = mostWanted(wantReprDigest);
  return algorithm === null ? null : `${algorithm}=:${digestOf(algorithm, data).toBase64()}:`;
}

// --- internal ---

interface Announced {
  readonly field: string;
  readonly algorithm: Algorithm;
  readonly digest: Uint8Array;
}

function digestsOf(field: string, text: string | null): Announced[] {
  if (text === null) return [];
  const found: Announced[] = [];
  for (const [name, [value]] of parsed(field, text)) {
    if (!isKnown(name)) continue;
    if (!(value instanceof ArrayBuffer)) throw unreadable(field);
    found.push({ field, algorithm: name, digest: new Uint8Array(value) });
  }
  return found;
}

function parsed(field: string, text: string): ReturnType<typeof parseDictionary> {
  try {
    return parseDictionary(text);
  } catch (cause) {
    throw unreadable(field, cause);
  }
}

function createCheck(announced: readonly Announced[]): DigestCheck {
  const hashers = new Map<Algorithm, CryptoHasher>();
  for (const { algorithm } of announced) {
    hashers.set(algorithm, new CryptoHasher(algorithms[algorithm]));
  }
  return {
    update(bytes) {
      for (const hasher of hashers.values()) hasher.update(bytes);
    },
    end() {
      const digests = new Map([...hashers].map(([name, hasher]) => [name, hasher.digest()]));
      for (const { field, algorithm, digest } of announced) {
        if (digests.get(algorithm)?.equals(digest) === true) continue;
        throw new RegistryError(
          "digest_mismatch",
          `The body does not have the ${algorithm} that ${field} announces; nothing was stored. ` +
            "Send it again.",
        );
      }
    },
  };
}

function mostWanted(wantReprDigest: string): Algorithm | null {
  let most: Algorithm | null = null;
  let weightMax = 0;
  try {
    for (const [name, [weight]] of parseDictionary(wantReprDigest)) {
      if (!isKnown(name) || typeof weight !== "number" || weight <= weightMax) continue;
      most = name;
      weightMax = weight;
    }
  } catch {
    return null;
  }
  return most;
}

function digestOf(algorithm: Algorithm, data: Bytes): Buffer {
  return new CryptoHasher(algorithms[algorithm]).update(data).digest();
}

function isKnown(name: string): name is Algorithm {
  return Object.hasOwn(algorithms, name);
}

function unreadable(field: string, cause?: unknown): RegistryError {
  return new RegistryError(
    "invalid_digest",
    `${field} cannot be read; write sha-256=:BASE64:, as RFC 9530 has it.`,
    { cause },
  );
}
