import { expect, test } from "bun:test";

import { limits } from "../../src/domain/limits.ts";

const mebibyte = 1_048_576;

test("the limits that clients and operators know are what they were told", () => {
  expect(limits).toMatchObject({
    inlineBlobBytesMax: 2 * mebibyte,
    segmentBytes: mebibyte,
    blobBytesCeiling: 1_024 * mebibyte,
    bufferedResponseBytesMax: 8 * mebibyte,
    uploadFramingBytesMax: mebibyte,
    partsMax: 100,
    partHeaderBytesMax: 16_384,
    otherPartsBytesMax: mebibyte,
    boundaryCharactersMax: 70,
    keyListMax: 1_000,
    keyListBytesMax: 262_144,
  });
});

test("every form that holds a small blob and usual framing is read whole", () => {
  const framingBytes = 2 * (limits.boundaryCharactersMax + 8) + limits.partHeaderBytesMax;
  expect(limits.bufferedUploadBytesMax).toBeGreaterThan(limits.inlineBlobBytesMax + framingBytes);
});

test("a full list of keys fits its body, written with a line and an indent for each", () => {
  const hashes = Array<string>(limits.keyListMax).fill("0".repeat(64));
  const body = JSON.stringify({ hashes }, null, 8);
  expect(body.length).toBeLessThan(limits.keyListBytesMax);
});

test("an upload that is still touched is never swept", () => {
  const stepsPerSegment = limits.segmentBytes / limits.uploadStepBytes;
  const untouchedMsMax = stepsPerSegment * limits.uploadStepMsMax;
  expect(untouchedMsMax + limits.clockJumpMsMax).toBeLessThan(limits.uploadIdleMsMax);
  // After a jump, what is alive has been touched again when the next sweep comes.
  expect(untouchedMsMax).toBeLessThan(limits.sweepIntervalMs);
});

test("every limit is a whole number above zero", () => {
  for (const limit of Object.values(limits)) {
    expect(Number.isSafeInteger(limit)).toBe(true);
    expect(limit).toBeGreaterThan(0);
  }
});
