/** Requests for objects by number; `sizes[object]` is what each has in bytes. */
export interface Trace {
  readonly name: string;
  readonly requests: Uint32Array;
  readonly sizes: Uint32Array;
  /** How many objects, from 0 on, are asked for more than once: the working set. */
  readonly objects: number;
}

export interface TraceOptions {
  readonly name: string;
  readonly seed: number;
  readonly objects: number;
  readonly requests: number;
  /** Zipf's exponent. */
  readonly alpha: number;
  /** The share of requests for what nobody asks for again: half singly, half in runs of 500. */
  readonly oneTimeShare: number;
  /** How often in the trace all popularity moves to other objects. */
  readonly shifts: number;
}

/** Requests by Zipf's law with one-time reads among them. */
export function createZipfTrace(options: TraceOptions): Trace {
  const { name, seed, objects, alpha, oneTimeShare, shifts } = options;
  const random = createRandom(seed);
  const nextRank = createZipf(objects, alpha, random);
  const requests = new Uint32Array(options.requests);
  const single = oneTimeShare / 2 / (1 - oneTimeShare / 2);
  const phase = Math.ceil(requests.length / (shifts + 1));
  let unseen = objects;
  let run = 0;
  for (let index = 0; index < requests.length; index += 1) {
    if (run === 0 && random() < single / runLength) run = runLength;
    if (run > 0 || random() < single) {
      run = Math.max(0, run - 1);
      requests[index] = unseen;
      unseen += 1;
    } else {
      const offset = Math.floor(index / phase) * Math.floor(objects / 7);
      requests[index] = (nextRank() + offset) % objects;
    }
  }
  return { name, requests, sizes: createSizes(unseen, createRandom(seed + 1)), objects };
}

/** The same objects in the same order, over and over. */
export function createLoopTrace(
  options: Pick<TraceOptions, "name" | "seed" | "objects" | "requests">,
): Trace {
  const { name, seed, objects } = options;
  const requests = new Uint32Array(options.requests).map((_, index) => index % objects);
  return { name, requests, sizes: createSizes(objects, createRandom(seed + 1)), objects };
}

/** The key of an object: 32 hexadecimal digits, as evenly spread as a hash. */
export function toKey(object: number): string {
  const random = createRandom(Math.imul(object + 1, 0x9e_37_79_b9));
  let key = "";
  for (let word = 0; word < 4; word += 1) {
    key += Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, "0");
  }
  return key;
}

// --- internal ---

const runLength = 500;
const largeShare = 0.01;

/** Mulberry32: numbers from 0 to below 1, the same for the same seed. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function createZipf(objects: number, alpha: number, random: () => number): () => number {
  const sums = new Float64Array(objects);
  let total = 0;
  for (let rank = 0; rank < objects; rank += 1) {
    total += 1 / (rank + 1) ** alpha;
    sums[rank] = total;
  }
  return () => {
    const wanted = random() * total;
    let low = 0;
    let high = objects - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** Lognormal around 1000 bytes, within 200 B and 8 KiB; one in a hundred 100 KiB to 2 MiB. */
function createSizes(count: number, random: () => number): Uint32Array {
  return new Uint32Array(count).map(() => {
    if (random() < largeShare) return 102_400 * (2_097_152 / 102_400) ** random();
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.min(8192, Math.max(200, 1000 * Math.exp(0.9 * normal)));
  });
}
