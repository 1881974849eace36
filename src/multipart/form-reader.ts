import { joinBytes, type Bytes } from "../domain/bytes.ts";
import { RegistryError } from "../domain/errors.ts";
import { limits } from "../domain/limits.ts";
import { createContentReader } from "./content-reader.ts";
import { findHeaderEnd, readPartName } from "./part-headers.ts";

/** Reads a form as its bytes arrive, in pieces of any size; hands on those of its `data` part. */
export interface FormReader {
  /** Takes the next bytes of the body. @throws RegistryError when the form cannot be read */
  push(chunk: Bytes): void;
  /** The body has ended. @throws RegistryError when it ended too early, or had no `data` part */
  end(): void;
}

/** What a form reader is told. */
export interface FormReaderOptions {
  readonly boundary: string;
  /**
   * Called with the bytes of the first part named `data`, in order: views of what was pushed, or of
   * a copy of it where the end of one push and the next had to be read together.
   */
  onData(bytes: Bytes): void;
}

/** What is being read: the headers of a part, or content of one of four kinds. */
type State = "preamble" | "headers" | "data" | "other" | "epilogue";

const nothing: Bytes = new Uint8Array(0);

/**
 * A reader of multipart/form-data (RFC 7578, RFC 2046 section 5.1.1): one pass, no copy of the
 * data, memory bounded by the limits on headers. A part's bytes are never taken for text. Of
 * several parts named `data` the first counts.
 */
export function createFormReader({ boundary, onData }: FormReaderOptions): FormReader {
  const content = createContentReader(boundary);
  let state: State = "preamble";
  let hasData = false;
  let partCount = 0;
  let otherBytes = 0;
  /** What came but cannot be judged without what follows. */
  let pending: Bytes = nothing;
  /** How much of it is known not to end the headers. */
  let headerBytesSeen = 0;

  function push(chunk: Bytes): void {
    let rest = pending.length === 0 ? chunk : joined(pending, chunk);
    pending = nothing;
    while (rest.length > 0) {
      const next: Bytes | null = state === "headers" ? readHeaders(rest) : readContent(rest);
      if (next === null) return;
      rest = next;
    }
  }

  /** Reads content up to the next delimiter; null when that has not come. */
  function readContent(bytes: Bytes): Bytes | null {
    const { kind, rest } = content.read(bytes, emit);
    if (kind === "unfinished") return wait(rest);
    if (state === "epilogue") throw dataAfterEnd();
    state = kind === "closes" ? "epilogue" : "headers";
    return rest;
  }

  /** Reads the headers of a part; null when their end has not come. */
  function readHeaders(bytes: Bytes): Bytes | null {
    const headersEnd = findHeaderEnd(bytes, headerBytesSeen);
    headerBytesSeen = headersEnd === null ? bytes.length : 0;
    if (headersEnd === null) return wait(bytes);
    partCount += 1;
    if (partCount > limits.partsMax) throw tooManyParts();
    // Also behind the data part: what is a broken form does not depend on the order of its parts.
    const isData = readPartName(bytes.subarray(0, headersEnd)) === "data" && !hasData;
    hasData ||= isData;
    state = isData ? "data" : "other";
    return bytes.subarray(headersEnd);
  }

  function emit(bytes: Bytes): void {
    if (bytes.length === 0) return;
    if (state === "data") {
      onData(bytes);
      return;
    }
    otherBytes += bytes.length;
    if (otherBytes > limits.otherPartsBytesMax) throw otherPartsTooLarge();
  }

  /** Keeps a copy: a view would hold all of the network's buffer. */
  function wait(bytes: Bytes): null {
    pending = bytes.slice();
    return null;
  }

  function end(): void {
    const last = state === "headers" ? null : content.lastDelimiter(pending);
    if (state === "epilogue" && last !== null) throw dataAfterEnd();
    if (state === "preamble" && last === null) throw noPartsFound();
    if (state !== "epilogue" && last !== "closes") throw truncatedBody();
    if (partCount === 0) throw noParts();
    if (!hasData) throw missingDataPart();
  }

  return { push, end };
}

/**
 * The bytes of the `data` part of a whole form: a view of it, not a copy.
 * @throws RegistryError as a form reader does
 */
export function readForm(body: Bytes, boundary: string): Bytes {
  const pieces: Bytes[] = [];
  const form = createFormReader({ boundary, onData: (bytes) => void pieces.push(bytes) });
  form.push(body);
  form.end();
  // Several where the data holds what begins like a delimiter.
  return joinBytes(
    pieces,
    pieces.length === 1 ? 0 : pieces.reduce((sum, { length }) => sum + length, 0),
  );
}

// --- internal ---

function joined(head: Bytes, tail: Bytes): Bytes {
  const whole = new Uint8Array(head.length + tail.length);
  whole.set(head);
  whole.set(tail, head.length);
  return whole;
}

function dataAfterEnd(): RegistryError {
  return new RegistryError(
    "data_after_end",
    "The form goes on after its closing delimiter; choose a boundary that the data does not hold.",
  );
}

function tooManyParts(): RegistryError {
  return new RegistryError(
    "too_many_parts",
    `A form may have at most ${limits.partsMax} parts; send one, named data.`,
  );
}

function otherPartsTooLarge(): RegistryError {
  return new RegistryError(
    "other_parts_too_large",
    `Everything but the data part may have at most ${limits.otherPartsBytesMax} bytes.`,
  );
}

function noPartsFound(): RegistryError {
  return new RegistryError(
    "no_parts",
    "The body holds no part; check that its boundary is the one in the Content-Type.",
  );
}

function truncatedBody(): RegistryError {
  return new RegistryError(
    "truncated_body",
    "The form ends before its closing delimiter; nothing was stored. Send it again, whole.",
  );
}

function noParts(): RegistryError {
  return new RegistryError("no_parts", "The form holds no part; send one, named data.");
}

function missingDataPart(): RegistryError {
  return new RegistryError(
    "missing_data_part",
    "No part of the form is named data; curl -F data=@FILE names it so.",
  );
}
