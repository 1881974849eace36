/*
 * Identities are random and no secrets. They are made while a request waits, so by the generator
 * that costs least, as OpenTelemetry's SDK does.
 */

/** A new identity for a trace: 16 random bytes, in hexadecimal. */
export function newTraceId(): string {
  return newTraceIdOf(randomWord());
}

/** A new identity for a span: 8 random bytes, in hexadecimal. */
export function newSpanId(): string {
  return toHex(randomWord()) + toHex(randomWord());
}

/** A random identity for a trace whose four words have this one as their exclusive or. */
export function newTraceIdOf(word: number): string {
  const second = randomWord();
  const third = randomWord();
  const fourth = randomWord();
  // The last words are those that others may take for random (W3C Trace Context level 2).
  const first = (word ^ second ^ third ^ fourth) >>> 0;
  return toHex(first) + toHex(second) + toHex(third) + toHex(fourth);
}

/** The exclusive or of the four words of a trace's identity. */
export function wordOf(traceId: string): number {
  let word = 0;
  for (let at = 0; at < 32; at += 8) word ^= Number.parseInt(traceId.slice(at, at + 8), 16);
  return word >>> 0;
}

/** 32 random bits. */
export function randomWord(): number {
  return Math.floor(Math.random() * 2 ** 32);
}

// --- internal ---

function toHex(word: number): string {
  return word.toString(16).padStart(8, "0");
}
