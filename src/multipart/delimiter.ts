import type { Bytes } from "../domain/bytes.ts";
import { RegistryError } from "../domain/errors.ts";

/**
 * What follows `--boundary` makes of it: the opening of a part, the close of the form, content that
 * only begins like a delimiter, or not yet to be told. `end` is where reading goes on.
 */
export type DelimiterTail =
  | { readonly kind: "opens" | "closes"; readonly end: number }
  | { readonly kind: "content" }
  | { readonly kind: "unfinished" };

const tab = 9;
const lf = 10;
const cr = 13;
const space = 32;
const dash = 45;

/** Blanks after a delimiter that are still taken for transport padding (RFC 2046 section 5.1.1). */
const paddingBytesMax = 1024;

/**
 * Reads what follows a delimiter that ends before `offset`: `--` closes; blanks, then CRLF.
 * @throws RegistryError `bare_line_feed`
 */
export function readDelimiterTail(bytes: Bytes, offset: number): DelimiterTail {
  let at = offset;
  let closes = false;
  if (bytes[at] === dash) {
    if (at + 1 >= bytes.length) return { kind: "unfinished" };
    if (bytes[at + 1] !== dash) return { kind: "content" };
    closes = true;
    at += 2;
  }
  while (bytes[at] === space || bytes[at] === tab) at += 1;
  if (at - offset > paddingBytesMax) return { kind: "content" };
  if (bytes[at] === lf) throw bareLineFeed();
  if (at >= bytes.length || (bytes[at] === cr && at + 1 >= bytes.length)) {
    return { kind: "unfinished" };
  }
  if (bytes[at] !== cr || bytes[at + 1] !== lf) return { kind: "content" };
  return { kind: closes ? "closes" : "opens", end: at + 2 };
}

/** The refusal of a form whose lines end with LF alone. */
export function bareLineFeed(): RegistryError {
  return new RegistryError(
    "bare_line_feed",
    "A line of the form ends with LF alone; every line outside the parts' bytes ends with CR LF.",
  );
}
