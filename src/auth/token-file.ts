import { createHash } from "node:crypto";
import { limits } from "../domain/limits.ts";

/** A token that may upload. The token itself is not kept. */
export interface Token {
  /** SHA-256 of its characters, as 64 lower-case hexadecimal digits. */
  readonly digest: string;
  /** What logs and limits call its bearer. */
  readonly name: string;
  /** In ms since 1970; null: it does not expire. */
  readonly expiresAtMs: number | null;
}

/** What is wrong with a token file, and in which line. It says nothing of what the line holds. */
export class TokenFileError extends Error {
  override readonly name = "TokenFileError";
}

/** Fewer characters can be guessed. */
const tokenCharactersMin = 16;

/** The form in which a file may hold a token without holding the secret. */
export function hashFormOf(token: string): string {
  return `${hashFormStart}${digestOf(token)}`;
}

/** SHA-256 of a token's characters, as hexadecimal digits: all that is kept of it. */
export function digestOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/**
 * Reads `token [name] [RFC 3339 expiry]` a line; `#` begins a comment, and the token may be in its
 * hash form. A token by itself has the characters of RFC 6750 section 2.1.
 * @throws TokenFileError naming the first line that cannot be read
 */
export function parseTokenFile(text: string): Token[] {
  const tokens: Token[] = [];
  const lineOf = new Map<string, number>();
  let number = 0;
  for (const line of text.replace(/^\u{feff}/u, "").split(/\r?\n/)) {
    number += 1;
    const words = line
      .replace(/(?:^|\s)#.*/, "")
      .split(/[ \t]+/)
      .filter((word) => word !== "");
    if (words.length === 0) continue;
    const token = readToken(words, number);
    const earlier = lineOf.get(token.digest);
    if (earlier !== undefined) throw badLine(number, `the token is that of line ${earlier}`);
    if (tokens.length === limits.uploadTokensMax) {
      throw badLine(number, `more than ${limits.uploadTokensMax} tokens`);
    }
    lineOf.set(token.digest, number);
    tokens.push(token);
  }
  return tokens;
}

// --- internal ---

const hashFormStart = "sha256:";
const hashForm = /^sha256:([0-9a-f]{64})$/;
const tokenForm = /^[A-Za-z0-9._~+/-]+=*$/;
const nameForm = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;
/** Who writes one in the place of a name means an expiry, and would get a token without. */
const dateForm = /^\d{4}-\d\d|^\d{8}[Tt]|^\d\d?\.\d\d?\.\d{4}/;
/** RFC 3339 section 5.6. */
const timeForm =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;
const dayMs = 86_400_000;
/** Enough to tell one from another, and nothing that helps to guess it. */
const unnamedDigits = 8;

function readToken(words: readonly string[], line: number): Token {
  const [secret = "", ...rest] = words;
  const digest = readDigest(secret, line);
  const time = rest.length > 0 && timeForm.test(rest.at(-1) ?? "") ? rest.pop() : undefined;
  const [name = `token-${digest.slice(0, unnamedDigits)}`, ...more] = rest;
  if (more.length > 0 || dateForm.test(name)) {
    throw badLine(
      line,
      "write a token, a name without spaces, and an expiry: 2027-01-31T00:00:00Z",
    );
  }
  if (!nameForm.test(name)) {
    throw badLine(
      line,
      "a name has up to 64 letters, digits and . _ @ -, the first a letter or digit",
    );
  }
  return { digest, name, expiresAtMs: time === undefined ? null : readTime(time, line) };
}

function readDigest(secret: string, line: number): string {
  if (secret.startsWith(hashFormStart)) {
    const digest = hashForm.exec(secret)?.[1];
    if (digest !== undefined) return digest;
    throw badLine(line, `${hashFormStart} is followed by 64 lower-case hexadecimal digits`);
  }
  if (!tokenForm.test(secret)) {
    throw badLine(line, "a token has letters, digits and - . _ ~ + / with = only at its end");
  }
  if (secret.length < tokenCharactersMin) {
    throw badLine(line, `a token has at least ${tokenCharactersMin} characters`);
  }
  return digestOf(secret);
}

function readTime(text: string, line: number): number {
  const [, year, month, day] = timeForm.exec(text) ?? [];
  const date = new Date(`${year}-${month}-${day}T00:00:00Z`);
  const isDay = date.getUTCDate() === Number(day) && date.getUTCMonth() + 1 === Number(month);
  if (!isDay) throw badLine(line, "the expiry names a day that there is not");
  return readInstant(text.toUpperCase(), line);
}

/** A leap second ends a day of UTC (RFC 3339 section 5.7); to a clock it is the one after it. */
function readInstant(text: string, line: number): number {
  if (!text.includes(":60")) return Date.parse(text);
  const afterMs = Date.parse(text.replace(":60", ":59")) + 1000;
  if (afterMs % dayMs < 1000) return afterMs;
  throw badLine(line, "the expiry names a second that there is not");
}

function badLine(line: number, what: string): TokenFileError {
  return new TokenFileError(`line ${line}: ${what}`);
}
