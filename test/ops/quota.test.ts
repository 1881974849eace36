import { expect, it } from "bun:test";
import { createCounters } from "../../src/domain/counters.ts";
import { RegistryError } from "../../src/domain/errors.ts";
import { createLog } from "../../src/ops/log.ts";
import { createQuota, type Quota } from "../../src/ops/quota.ts";
import type { SizeFound } from "../../src/ops/metrics/size-watch.ts";

const lines: string[] = [];
const log = createLog({ level: "info", format: "json", write: (line) => lines.push(line) });

function createAt(bytesMax: number) {
  const state: { size: SizeFound | null } = { size: null };
  const counters = createCounters();
  const quota = createQuota({ bytesMax, size: () => state.size, counters, log });
  const found = (bytes: number): void => {
    state.size = { bytes, blobs: null, bytesStoredBefore: counters.bytesStored };
  };
  return { quota, counters, found };
}

function refuses(quota: Quota, bytes: number): boolean {
  try {
    quota.refuse(bytes);
    return false;
  } catch (error) {
    if (error instanceof RegistryError && error.code === "quota_exceeded") return true;
    throw error;
  }
}

it("takes all while it is not known how much there is", () => {
  const { quota } = createAt(100);
  expect([quota.bytesUsed(), refuses(quota, 99), refuses(quota, 100)]).toEqual([
    null,
    false,
    false,
  ]);
  expect(refuses(quota, 101)).toBe(true); // that never fits
});

it("counts what came since the last estimate, and no byte twice", () => {
  const { quota, counters, found } = createAt(100);
  counters.bytesStored += 1000; // before it was asked
  found(40);
  counters.bytesStored += 30;
  expect([quota.bytesUsed(), refuses(quota, 30), refuses(quota, 31)]).toEqual([70, false, true]);
  found(75);
  expect([quota.bytesUsed(), refuses(quota, 25), refuses(quota, 26)]).toEqual([75, false, true]);
});

it("refuses all, of unknown length too, once it is reached, and takes them again below", () => {
  const { quota, found } = createAt(100);
  lines.length = 0;
  found(100);
  expect([refuses(quota, 0), refuses(quota, 1)]).toEqual([true, true]);
  found(99);
  expect([refuses(quota, 0), refuses(quota, 1), refuses(quota, 2)]).toEqual([false, false, true]);
  const told = lines.map((line) => JSON.parse(line) as object);
  expect(told).toMatchObject([
    { level: "warn", bytes: 100, bytes_max: 100 },
    { level: "info", bytes: 99 },
  ]);
});

it("is no bound when it is 0", () => {
  const { quota, found } = createAt(0);
  found(10 ** 12);
  expect(refuses(quota, 10 ** 12)).toBe(false);
});
