import { randomBytes } from "node:crypto";
import { hashFormOf, parseTokenFile, TokenFileError } from "../auth/token-file.ts";
import { UsageError } from "./usage-error.ts";

/** A token just made. */
export interface NewToken {
  /** The secret: whoever has it may upload. */
  readonly token: string;
  /** Its line of the file of --upload-token-file, which does not hold the secret. */
  readonly line: string;
}

/** Whom a token is for. */
export interface TokenTerms {
  /** Null: it is called by the first digits of its hash. */
  readonly name: string | null;
  /** A time of RFC 3339; null: it does not expire. */
  readonly expires: string | null;
}

/** 256 bits: nobody guesses them, however fast the hash. */
const tokenBytes = 32;

/**
 * Makes a token out of random bytes.
 * @throws UsageError when the name or the time is none, or the time is over
 */
export function makeToken({ name, expires }: TokenTerms): NewToken {
  if ([name, expires].some((word) => word !== null && !/^\S+$/.test(word))) throw wrongTerms();
  const token = randomBytes(tokenBytes).toString("base64url");
  const line = [hashFormOf(token), name, expires].filter((word) => word !== null).join(" ");
  const made = parse(line);
  const isAsked = made !== undefined && (name === null || made.name === name);
  if (!isAsked || (expires !== null && made.expiresAtMs === null)) throw wrongTerms();
  if (made.expiresAtMs !== null && made.expiresAtMs <= Date.now()) {
    throw new UsageError("--expires is over; name a time to come");
  }
  return { token, line };
}

// --- internal ---

function parse(line: string) {
  try {
    return parseTokenFile(line)[0];
  } catch (error) {
    if (!(error instanceof TokenFileError)) throw error;
    throw wrongTerms();
  }
}

function wrongTerms(): UsageError {
  return new UsageError(
    "write a name of up to 64 letters, digits and . _ @ -, and a time as 2027-01-31T00:00:00Z",
  );
}
