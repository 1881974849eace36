import { describe, expect, it } from "bun:test";
import * as fc from "fast-check";
import {
  formatBytes,
  formatDurationMs,
  parseBytes,
  parseDurationMs,
  parseRate,
} from "../../src/ops/units.ts";

describe("parseBytes", () => {
  it.each([
    ["0", 0],
    ["500", 500],
    ["10KiB", 10_240],
    ["64MiB", 67_108_864],
    ["1GiB", 1_073_741_824],
  ] as const)("reads %s", (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  it.each(["", "KiB", "10KB", "10kib", "10 KiB", "1.5MiB", "-1", "+1", "1e3", "0x10", "10B", "١"])(
    "refuses %p and shows the accepted forms",
    (text) => {
      expect(() => parseBytes(text)).toThrow(
        "is not a size; write 500 (bytes), 10KiB, 64MiB or 1GiB",
      );
    },
  );

  it("refuses a size that a number cannot hold exactly", () => {
    expect(() => parseBytes("9007199254740993")).toThrow("is not a size");
    expect(() => parseBytes("99999999999GiB")).toThrow("is not a size");
  });

  it("shows an escape character it refuses as text", () => {
    expect(() => parseBytes("1\u001b[31m")).toThrow('"1\\u{1b}[31m" is not a size');
  });
});

describe("parseDurationMs", () => {
  it.each([
    ["0s", 0],
    ["500ms", 500],
    ["10s", 10_000],
    ["5m", 300_000],
    ["1h", 3_600_000],
  ] as const)("reads %s", (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });

  it.each(["", "10", "s", "1.5s", "-1s", "10 s", "10S", "1d", "10sec", "1h30m", "10s\n"])(
    "refuses %p and shows the accepted forms",
    (text) => {
      expect(() => parseDurationMs(text)).toThrow("is not a duration; write 500ms, 10s, 5m or 1h");
    },
  );
});

describe("formatBytes", () => {
  it("takes the largest unit that leaves no fraction", () => {
    expect([0, 1, 1536, 1_572_864, 67_108_864, 1_073_741_824].map(formatBytes)).toEqual([
      "0",
      "1",
      "1536",
      "1536KiB",
      "64MiB",
      "1GiB",
    ]);
  });

  it("is read back as what it was", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (bytes) => {
        expect(parseBytes(formatBytes(bytes))).toBe(bytes);
      }),
    );
  });
});

describe("parseRate", () => {
  it.each([
    ["100/s", "requests", 100, 1000],
    ["5/m", "requests", 5, 60_000],
    ["1000/h", "requests", 1000, 3_600_000],
    ["10MiB/s", "bytes", 10_485_760, 1000],
    ["500/m", "bytes", 500, 60_000],
  ] as const)("reads %s of %s", (text, of, ...[amount, perMs]) => {
    expect(parseRate(text, of)).toEqual({ amount, perMs });
  });

  it.each([
    "",
    "100",
    "/s",
    "0/s",
    "-1/s",
    "1.5/s",
    "10MiB/s",
    "1/ms",
    "1/d",
    "1/s/s",
    " 1/s",
    "1 /s",
  ])("refuses %p of requests, and shows the accepted forms", (text) => {
    expect(() => parseRate(text, "requests")).toThrow(
      "is not a rate; write 100/s, 5/m or 1000/h, or leave it out: no limit",
    );
  });

  it.each(["0/s", "10MB/s", "10MiB", "999999999GiB/s"])("refuses %p of bytes", (text) => {
    expect(() => parseRate(text, "bytes")).toThrow(
      "is not a rate; write 500KiB/s, 10MiB/s or 1GiB/h",
    );
  });
});

describe("formatDurationMs", () => {
  it("takes the largest unit that leaves no fraction", () => {
    expect([0, 100, 1500, 5000, 90_000, 600_000, 3_600_000].map(formatDurationMs)).toEqual([
      "0s",
      "100ms",
      "1500ms",
      "5s",
      "90s",
      "10m",
      "1h",
    ]);
  });

  it("is read back as what it was", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (ms) => {
        expect(parseDurationMs(formatDurationMs(ms))).toBe(ms);
      }),
    );
  });
});
