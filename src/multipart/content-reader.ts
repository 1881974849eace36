import type { Bytes } from "../domain/bytes.ts";
import { findBytes, partialTail, standsAt } from "./byte-search.ts";
import { readDelimiterTail } from "./delimiter.ts";

/**
 * Where reading content came to an end: behind a delimiter that opens a part or closes the form, or
 * at what cannot be judged without the bytes that follow. `rest` begins there.
 */
export interface ContentEnd {
  readonly kind: "opens" | "closes" | "unfinished";
  readonly rest: Bytes;
}

/** Reads what stands between the delimiters of a form: preamble, parts' bytes, epilogue. */
export interface ContentReader {
  /**
   * Gives `emit` the content up to the next delimiter, as views of `bytes`, which begins with the
   * `rest` of the last read, except for the headers of a part.
   * @throws RegistryError `bare_line_feed`, and whatever `emit` throws
   */
  read(bytes: Bytes, emit: (content: Bytes) => void): ContentEnd;
  /** The delimiter that an unfinished `rest` is when nothing follows; null when it is none. */
  lastDelimiter(rest: Bytes): "opens" | "closes" | null;
}

const dash = 45;

/** A reader of content for one form, from its first byte on. */
export function createContentReader(boundary: string): ContentReader {
  const delimiter: Bytes = Buffer.from(`\r\n--${boundary}`, "latin1");
  const atLineStart = delimiter.subarray(2);
  /** At the very beginning of a content a delimiter needs no CRLF: the one before it serves. */
  let isContentStart = true;

  function read(bytes: Bytes, emit: (content: Bytes) => void): ContentEnd {
    let rest = bytes;
    let from = 0;
    for (;;) {
      const start = isContentStart ? 0 : findBytes(delimiter, rest, from);
      const found = isContentStart ? standsAt(atLineStart, rest, 0) : start >= 0;
      if (found === "partly") return { kind: "unfinished", rest };
      if (!found && !isContentStart) {
        const end = rest.length - partialTail(delimiter, rest);
        emit(rest.subarray(0, end));
        return { kind: "unfinished", rest: rest.subarray(end) };
      }
      if (found) {
        // First, so that a refusal does not depend on how the body was cut into pieces.
        emit(rest.subarray(0, start));
        rest = rest.subarray(start);
        from = delimiterBytes();
        const tail = readDelimiterTail(rest, from);
        if (tail.kind === "unfinished") return { kind: "unfinished", rest };
        if (tail.kind !== "content") {
          isContentStart = true;
          return { kind: tail.kind, rest: rest.subarray(tail.end) };
        }
      }
      isContentStart = false;
    }
  }

  /** The bytes of a delimiter here. */
  function delimiterBytes(): number {
    return delimiter.length - (isContentStart ? 2 : 0);
  }

  function lastDelimiter(rest: Bytes): "opens" | "closes" | null {
    if (standsAt(isContentStart ? atLineStart : delimiter, rest, 0) !== true) return null;
    const end = delimiterBytes();
    return rest[end] === dash && rest[end + 1] === dash ? "closes" : "opens";
  }

  return { read, lastDelimiter };
}
