import { toHex, type Bytes } from "../../src/domain/bytes.ts";
import { RegistryError } from "../../src/domain/errors.ts";
import { parseBoundary } from "../../src/multipart/boundary.ts";
import { createFormReader } from "../../src/multipart/form-reader.ts";
import { concatBytes, cutBytes } from "./form.ts";

/** What a body comes to: the data in hexadecimal, or the code of the refusal. */
export function outcomeOf(formBoundary: string, pieces: readonly Bytes[]): string {
  const data: Bytes[] = [];
  const reader = createFormReader({
    boundary: formBoundary,
    onData: (bytes) => data.push(bytes.slice()),
  });
  try {
    for (const piece of pieces) reader.push(piece);
    reader.end();
  } catch (error) {
    if (error instanceof RegistryError) return error.code;
    throw error;
  }
  return `data ${toHex(concatBytes(...data))}`;
}

/** The outcome of a body that holds this data. */
export function dataOutcome(data: Bytes | string): string {
  return `data ${toHex(concatBytes(data))}`;
}

/** A piece for every byte. */
export function inSingleBytes(body: Bytes): Bytes[] {
  return cutBytes(body, Array(body.length).fill(1));
}

/** What a request comes to: as `outcomeOf`, its Content-Type read first. */
export function requestOutcome(contentType: string | null, pieces: readonly Bytes[]): string {
  try {
    return outcomeOf(parseBoundary(contentType), pieces);
  } catch (error) {
    return error instanceof RegistryError ? error.code : String(error);
  }
}
