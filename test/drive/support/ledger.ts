import { bytesEqual, toHex, type Bytes } from "../../../src/domain/bytes.ts";
import { hashing } from "../../support/blobs.ts";
import { ask } from "./client.ts";
import { createContent } from "./content.ts";
import type { Random } from "../../support/random.ts";

/** A blob that was sent: enough to make its bytes again. */
export interface Entry {
  readonly number: number;
  readonly size: number;
  /** 64 hexadecimal digits. */
  readonly key: string;
}

/** What a look at everything that was ever sent has found, a line each. */
export interface Audit {
  readonly lost: readonly string[];
  /** Other bytes than were sent, or a part of them. */
  readonly wrong: readonly string[];
  /** When the first of the lost was acknowledged, by `performance.now()`; null: none is. */
  readonly lostSince: number | null;
}

/** Who sent what, and what was acknowledged. */
export interface Ledger {
  readonly acknowledged: readonly Entry[];
  /** A blob that nobody has sent yet, and its bytes. */
  create(size: number): { readonly entry: Entry; readonly data: Bytes };
  bytesOf(entry: Entry): Bytes;
  /** Notes that an upload was answered 2xx. */
  acknowledge(entry: Entry): void;
  /** Notes that it was not: it may be there or not, but never in part. */
  doubt(entry: Entry): void;
  /** One of those acknowledged that `fits`; null when a few tries find none. */
  pick(random: Random, fits?: (entry: Entry) => boolean): Entry | null;
  /** Reads every blob there may be from a registry, and compares each byte. */
  audit(api: string): Promise<Audit>;
}

/** An empty ledger; the bytes of its blobs follow from `seed`. */
export function createLedger(seed: number): Ledger {
  const content = createContent(seed);
  const acknowledged: Entry[] = [];
  const doubtful: Entry[] = [];
  /** When each was acknowledged first. */
  const times = new Map<string, number>();
  let count = 0;

  function create(size: number) {
    count += 1;
    const data = content(count, size);
    return { entry: { number: count, size, key: toHex(hashing.hash(data)) }, data };
  }

  const bytesOf = ({ number, size }: Entry): Bytes => content(number, size);

  function pick(random: Random, fits: (entry: Entry) => boolean = () => true): Entry | null {
    for (let tries = 0; tries < 20 && acknowledged.length > 0; tries += 1) {
      const entry = random.pick(acknowledged);
      if (fits(entry)) return entry;
    }
    return null;
  }

  async function audit(api: string): Promise<Audit> {
    const lost: string[] = [];
    const wrong: string[] = [];
    let lostSince: number | null = null;
    const isKept = times;
    const entries = [...acknowledged, ...doubtful.filter(({ key }) => !isKept.has(key))];

    async function look(entry: Entry): Promise<void> {
      const { number, size, key } = entry;
      const { status, bytes } = await readPatiently(`${api}/${key}`);
      const what = `blob ${number} of ${size} bytes, ${key}`;
      if (status === 404 && !isKept.has(key)) return;
      if (status !== 200 || bytes === null) {
        lost.push(`${what}: ${status}`);
        lostSince = Math.min(lostSince ?? Number.POSITIVE_INFINITY, times.get(key) ?? 0);
      } else if (!bytesEqual(bytes, bytesOf(entry))) wrong.push(`${what}: other bytes`);
    }

    const small = entries.filter(({ size }) => size <= smallBytesMax).values();
    const large = entries.filter(({ size }) => size > smallBytesMax).values();
    await Promise.all([small, small, small, small, large].map((rest) => eachOf(rest, look)));
    return { lost, wrong, lostSince };
  }

  return {
    acknowledged,
    create,
    bytesOf,
    acknowledge(entry) {
      if (!times.has(entry.key)) {
        times.set(entry.key, performance.now());
        acknowledged.push(entry);
      }
    },
    doubt: (entry) => void doubtful.push(entry),
    pick,
    audit,
  };
}

// --- internal ---

const smallBytesMax = 2 * 1024 * 1024;
const readMsMax = 30_000;

async function eachOf(rest: Iterable<Entry>, look: (entry: Entry) => Promise<void>) {
  for (const entry of rest) await look(entry);
}

/** Nothing is wrong any more when this is asked: 503 is given one more chance, and no third. */
async function readPatiently(url: string) {
  const first = await ask({ url, deadlineMs: readMsMax });
  if (first.status === 200 || first.status === 404) return first;
  await Bun.sleep(1000);
  return await ask({ url, deadlineMs: readMsMax });
}
