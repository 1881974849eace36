import type { Bytes } from "./bytes.ts";
import { limits } from "./limits.ts";

/** Cuts bytes that come in pieces of any size into segments. */
export interface Segmenter {
  /** Copies the bytes: many small views would each hold a buffer of the network. */
  add(bytes: Bytes): void;
  /** The segments that are full, in order; they are the caller's from now on. */
  takeFull(): Bytes[];
  /** What is in no full segment, as a view that the next `add` may overwrite. */
  tail(): Bytes;
  /** Takes a segment back to be filled again: new ones would be garbage by the MiB. */
  reuse(segment: Bytes): void;
}

/** Most blobs are small: a segment begins so, and grows with what comes. */
const openBytesMin = 16 * 1024;

/** A segmenter that has nothing yet. */
export function createSegmenter(): Segmenter {
  const spare: Bytes[] = [];
  let full: Bytes[] = [];
  let open: Bytes = new Uint8Array(0);
  let openFilled = 0;

  function add(bytes: Bytes): void {
    let rest = bytes;
    while (rest.length > 0) {
      if (openFilled === open.length) makeRoom();
      const part = rest.subarray(0, open.length - openFilled);
      open.set(part, openFilled);
      openFilled += part.length;
      rest = rest.subarray(part.length);
      if (openFilled === limits.segmentBytes) close();
    }
  }

  function makeRoom(): void {
    const used = openFilled === 0 ? spare.pop() : undefined;
    if (used !== undefined) {
      open = used;
      return;
    }
    const size = Math.min(limits.segmentBytes, Math.max(openBytesMin, 2 * open.length));
    const larger = new Uint8Array(size);
    larger.set(open);
    open = larger;
  }

  function close(): void {
    full.push(open);
    open = new Uint8Array(0);
    openFilled = 0;
  }

  function takeFull(): Bytes[] {
    const taken = full;
    full = [];
    return taken;
  }

  return {
    add,
    takeFull,
    tail: () => open.subarray(0, openFilled),
    reuse: (segment) => void spare.push(segment),
  };
}
