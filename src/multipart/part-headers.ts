import type { Bytes } from "../domain/bytes.ts";
import { RegistryError } from "../domain/errors.ts";
import { limits } from "../domain/limits.ts";
import { bareLineFeed } from "./delimiter.ts";
import { readParameter } from "./boundary.ts";

const lf = 10;
const cr = 13;

/**
 * Where the headers of a part end, the empty line included; null when the end has not come yet.
 * What stands before `from` was looked at when there was no more, and is not read again.
 * @throws RegistryError `bare_line_feed` or `part_headers_too_large`
 */
export function findHeaderEnd(bytes: Bytes, from: number): number | null {
  const length = Math.min(bytes.length, limits.partHeaderBytesMax);
  for (let at = from; at < length; at += 1) {
    if (bytes[at] !== lf) continue;
    if (bytes[at - 1] !== cr) throw bareLineFeed();
    if (at === 1 || bytes[at - 2] === lf) return at + 1;
  }
  if (bytes.length < limits.partHeaderBytesMax) return null;
  throw new RegistryError(
    "part_headers_too_large",
    `The headers of a part may have at most ${limits.partHeaderBytesMax} bytes.`,
  );
}

/**
 * The `name` of a part, from the Content-Disposition among its headers (RFC 7578 section 4.2); null
 * when it has none. `name*` does not count.
 * @throws RegistryError `invalid_part_header` or `nul_in_part_name`
 */
export function readPartName(headers: Bytes): string | null {
  let name: string | null = null;
  let hasDisposition = false;
  for (const line of linesOf(headers)) {
    const colon = line.indexOf(":");
    const field = line.slice(0, Math.max(colon, 0));
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(field)) throw invalidHeader("has no name");
    if (field.toLowerCase() !== "content-disposition") continue;
    if (hasDisposition) throw invalidHeader("is a second Content-Disposition");
    hasDisposition = true;
    const parameters = line.indexOf(";", colon);
    name = parameters < 0 ? null : readParameter(line.slice(parameters), "name");
  }
  return name;
}

// --- internal ---

/** The header lines, folded ones joined (RFC 5322 section 2.2.3), as one character a byte. */
function linesOf(headers: Bytes): string[] {
  const raw: string = Buffer.prototype.toString.call(headers, "latin1");
  const text = raw.replaceAll(/\r\n(?=[ \t])/g, "");
  if (text.includes("\0")) {
    throw new RegistryError("nul_in_part_name", "A part's headers hold a NUL; leave it out.");
  }
  const lines = text.split("\r\n").filter((line) => line !== "");
  if (lines.some((line) => line.includes("\r"))) throw invalidHeader("holds a lone CR");
  return lines;
}

function invalidHeader(what: string): RegistryError {
  return new RegistryError(
    "invalid_part_header",
    `A header of a part ${what}; let the HTTP client make the form.`,
  );
}
