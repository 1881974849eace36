import type { Bytes } from "../domain/bytes.ts";
import { RegistryError } from "../domain/errors.ts";
import { limits } from "../domain/limits.ts";
import { createByteSearch } from "./byte-search.ts";
import { readDelimiterTail } from "./delimiter.ts";
import { findHeaderEnd, readPartName } from "./part-headers.ts";

/** Reads a form as its bytes arrive, in pieces of any size, and hands on those of its `data` part. */
export interface FormReader {
  /** Takes the next bytes of the body. @throws RegistryError when the form cannot be read */
  push(chunk: Bytes): void;
  /** The body has ended. @throws RegistryError when it ended too early, or had no `data` part */
  end(): void;
}

/** What a form reader is told. */
export interface FormReaderOptions {
  readonly boundary: string;
  /** Called with the bytes of the first part named `data`, in order: views of what was pushed. */
  onData(bytes: Bytes): void;
}

/** What is being read: the headers of a part, or content of one of four kinds. */
type State = "preamble" | "headers" | "data" | "other" | "epilogue";

const nothing: Bytes = new Uint8Array(0);

/**
 * A reader of multipart/form-data (RFC 7578, RFC 2046 section 5.1.1): one pass, no copy of the
 * data, memory bounded by the limits on headers. A part's bytes are never taken for text.
 */
export function createFormReader({ boundary, onData }: FormReaderOptions): FormReader {
  const delimiter: Bytes = new TextEncoder().encode(`\r\n--${boundary}`);
  const atLineStart = createByteSearch(delimiter.subarray(2));
  const inContent = createByteSearch(delimiter);

  let state: State = "preamble";
  /** At the very beginning of a content a delimiter needs no CRLF: the one before it serves. */
  let isContentStart = true;
  let hasDelimiter = false;
  let hasData = false;
  let partCount = 0;
  let otherBytes = 0;
  /** What came but cannot be judged without what follows. */
  let pending: Bytes = nothing;

  function push(chunk: Bytes): void {
    let rest = pending.length === 0 ? chunk : joined(pending, chunk);
    pending = nothing;
    while (rest.length > 0) {
      const next: Bytes | null = state === "headers" ? readHeaders(rest) : readContent(rest);
      if (next === null) return;
      rest = next;
    }
  }

  /** Reads content up to the next delimiter; null when it took all there is. */
  function readContent(bytes: Bytes): Bytes | null {
    let from = 0;
    for (;;) {
      const start = isContentStart ? 0 : inContent.find(bytes, from);
      const found = isContentStart ? atLineStart.standsAt(bytes, 0) : start >= 0;
      if (found === "partly") return wait(bytes);
      if (!found) {
        if (isContentStart) {
          isContentStart = false;
          continue;
        }
        const keep = inContent.partialTail(bytes);
        emit(bytes.subarray(0, bytes.length - keep));
        return wait(bytes.subarray(bytes.length - keep));
      }
      const afterDelimiter = start + delimiter.length - (isContentStart ? 2 : 0);
      const tail = readDelimiterTail(bytes, afterDelimiter);
      if (tail.kind === "content") {
        from = afterDelimiter;
        isContentStart = false;
        continue;
      }
      emit(bytes.subarray(0, start));
      if (tail.kind === "unfinished") return wait(bytes.subarray(start));
      passDelimiter(tail.kind === "closes");
      return bytes.subarray(tail.end);
    }
  }

  function passDelimiter(closes: boolean): void {
    if (state === "epilogue") {
      throw new RegistryError(
        "data_after_end",
        "The form goes on after its closing delimiter; choose a boundary that the data does not hold.",
      );
    }
    hasDelimiter = true;
    isContentStart = false;
    state = closes ? "epilogue" : "headers";
  }

  /** Reads the headers of a part; null when their end has not come. */
  function readHeaders(bytes: Bytes): Bytes | null {
    const end = findHeaderEnd(bytes);
    if (end === null) return wait(bytes);
    partCount += 1;
    if (partCount > limits.partsMax) {
      throw new RegistryError(
        "too_many_parts",
        `A form may have at most ${limits.partsMax} parts; send one, named data.`,
      );
    }
    const isData = !hasData && readPartName(bytes.subarray(0, end)) === "data";
    hasData ||= isData;
    state = isData ? "data" : "other";
    isContentStart = true;
    return bytes.subarray(end);
  }

  function emit(bytes: Bytes): void {
    if (bytes.length === 0) return;
    isContentStart = false;
    if (state === "data") {
      onData(bytes);
      return;
    }
    otherBytes += bytes.length;
    if (otherBytes > limits.otherPartsBytesMax) {
      throw new RegistryError(
        "other_parts_too_large",
        `Everything but the data part may have at most ${limits.otherPartsBytesMax} bytes.`,
      );
    }
  }

  /** Keeps a copy: a view would hold all of the network's buffer. */
  function wait(bytes: Bytes): null {
    pending = bytes.slice();
    return null;
  }

  function end(): void {
    const isClosed = state === "epilogue" || isUnfinishedClose();
    if (!hasDelimiter && !isClosed) {
      throw new RegistryError(
        "no_parts",
        "The body holds no part; check that its boundary is the one in the Content-Type.",
      );
    }
    if (!isClosed) {
      throw new RegistryError(
        "truncated_body",
        "The form ends before its closing delimiter; nothing was stored. Send it again, whole.",
      );
    }
    if (partCount === 0) {
      throw new RegistryError("no_parts", "The form holds no part; send one, named data.");
    }
    if (!hasData) {
      throw new RegistryError(
        "missing_data_part",
        "No part of the form is named data; curl -F data=@FILE names it so.",
      );
    }
  }

  /** A closing delimiter may be the very last thing, with no line end that would finish it. */
  function isUnfinishedClose(): boolean {
    if (state === "headers" || pending.length === 0) return false;
    const length = delimiter.length - (isContentStart ? 2 : 0);
    const search = isContentStart ? atLineStart : inContent;
    return (
      search.standsAt(pending, 0) === true &&
      readDelimiterTail(pending, length).kind === "unfinished" &&
      pending[length] === 45 &&
      pending[length + 1] === 45
    );
  }

  return { push, end };
}

// --- internal ---

function joined(head: Bytes, tail: Bytes): Bytes {
  const whole = new Uint8Array(head.length + tail.length);
  whole.set(head);
  whole.set(tail, head.length);
  return whole;
}
