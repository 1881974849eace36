import { CryptoHasher } from "bun";
import { parseDictionary } from "structured-headers";
import type { Bytes } from "../domain/bytes.ts";
import { RegistryError } from "../domain/errors.ts";

/** The active algorithms of RFC 9530 (section 7.2): what Bun calls them, how long a digest is. */
const algorithms = {
  "sha-256": { hasher: "sha256", bytes: 32 },
  "sha-512": { hasher: "sha512", bytes: 64 },
} as const;

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
 * @throws RegistryError `invalid_digest` for a field that cannot be read, or a digest that is too
 * short or too long: who announces one wants it compared
 */
export function readDigests(headers: Headers): DigestCheck | null {
  const announced = integrityFields.flatMap((field) => digestsOf(field, headers.get(field)));
  return announced.length === 0 ? null : createCheck(announced);
}

/**
 * The Repr-Digest that Want-Repr-Digest asks for (RFC 9530 section 4): of the algorithms known here
 * the one wanted most, of two alike the first. Null when none is; what cannot be read is ignored,
 * as preferences may be.
 */
export function reprDigestOf(wantReprDigest: string, data: Bytes): string | null {
  const algorithm = mostWanted(wantReprDigest);
  return algorithm === null ? null : `${algorithm}=:${digestOf(algorithm, data).toBase64()}:`;
}

// --- internal ---

const integrityFields = ["Content-Digest", "Repr-Digest"];

interface Announced {
  readonly field: string;
  readonly algorithm: Algorithm;
  readonly digest: Bytes;
}

function digestsOf(field: string, text: string | null): Announced[] {
  if (text === null) return [];
  const found: Announced[] = [];
  for (const [name, [value]] of parsed(field, text)) {
    if (!isKnown(name)) continue;
    // Of all values only byte sequences come as ArrayBuffers.
    if (!(value instanceof ArrayBuffer) || value.byteLength !== algorithms[name].bytes) {
      throw unreadable(field);
    }
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
  for (const { algorithm } of announced) hashers.set(algorithm, createHasher(algorithm));
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
      if (!isKnown(name) || !isWeight(weight) || weight <= weightMax) continue;
      most = name;
      weightMax = weight;
    }
  } catch {
    return null;
  }
  return most;
}

function digestOf(algorithm: Algorithm, data: Bytes): Buffer {
  return createHasher(algorithm).update(data).digest();
}

function createHasher(algorithm: Algorithm): CryptoHasher {
  return new CryptoHasher(algorithms[algorithm].hasher);
}

function isKnown(name: string): name is Algorithm {
  return Object.hasOwn(algorithms, name);
}

/** Whether it is a preference: 10 is wanted most, 1 least, 0 not at all. */
function isWeight(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 10;
}

function unreadable(field: string, cause?: unknown): RegistryError {
  return new RegistryError(
    "invalid_digest",
    `${field} cannot be read; write sha-256=:BASE64:, as RFC 9530 has it, where BASE64 holds the ` +
      "32 bytes of the digest, not its hexadecimal digits.",
    { cause },
  );
}
