import { describe, expect, it } from "bun:test";
import { toBlobKey } from "../../src/domain/blob-key.ts";
import type { Read } from "../../src/storage/blob-checks.ts";
import { shareFlights } from "../../src/storage/flights.ts";

const key = toBlobKey(new Uint8Array(32).fill(1));
const otherKey = toBlobKey(new Uint8Array(32).fill(2));
const blob: Read = { hash: key, bytesTotal: 1, createdAtMs: 0, data: new Uint8Array(1) };

/** Reads that end when the test says so. */
function createReads() {
  const reads: PromiseWithResolvers<Read>[] = [];
  const read = shareFlights(async () => {
    const flight = Promise.withResolvers<Read>();
    reads.push(flight);
    return await flight.promise;
  });
  return { reads, read };
}

describe("shareFlights", () => {
  it("reads once however many wait for a key", async () => {
    const { reads, read } = createReads();
    const waiting = Array.from({ length: 100 }, async () => await read(key));
    await Promise.resolve();
    reads[0]?.resolve(blob);
    expect(new Set(await Promise.all(waiting))).toEqual(new Set([blob]));
    expect(reads).toHaveLength(1);
  });

  it("reads each key for itself", async () => {
    const { reads, read } = createReads();
    void read(key);
    void read(otherKey);
    await Promise.resolve();
    expect(reads).toHaveLength(2);
  });

  it("looks again for those who came while a read was under way that found nothing", async () => {
    const { reads, read } = createReads();
    const first = read(key);
    await Promise.resolve();
    const later = [read(key), read(key)]; // by now the blob may be stored, and they know it
    reads[0]?.resolve(null);
    expect(await first).toBeNull();
    await Promise.resolve();
    await Promise.resolve();
    reads[1]?.resolve(blob);
    expect(await Promise.all(later)).toEqual([blob, blob]);
    expect(reads).toHaveLength(2);
  });

  it("tells all who wait of a failure, and reads anew for the next", async () => {
    const { reads, read } = createReads();
    const waiting = [read(key), read(key)];
    await Promise.resolve();
    reads[0]?.reject(new Error("gone"));
    const settled = await Promise.allSettled(waiting);
    expect(settled.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    const next = read(key);
    await Promise.resolve();
    reads[1]?.resolve(blob);
    expect(await next).toBe(blob);
  });
});
