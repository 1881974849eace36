import { describe, expect, it } from "bun:test";
import {
  formatBytes,
  formatDuration,
  formatFigure,
  formatNumber,
  formatSeconds,
  formatTime,
} from "../../../src/ops/status/format.ts";

/** With plain spaces in place of those that do not break. */
const plain = (text: string): string => text.replaceAll("\u00a0", " ");

describe("format", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "0.98 KiB"],
    [1024, "1 KiB"],
    [1536, "1.5 KiB"],
    [1024 ** 2 - 1, "1 MiB"],
    [268_435_456, "256 MiB"],
    [1024 ** 6, "1,024 PiB"],
  ])("%d bytes are %s", (bytes, text) => {
    expect(plain(formatBytes(bytes))).toBe(text);
  });

  it.each([
    [0, "0 s"],
    [0.00000051, "0.51 µs"],
    [0.0000885, "88.5 µs"],
    [0.0009996, "1 ms"],
    [0.00131, "1.31 ms"],
    [0.9996, "1 s"],
    [2.5, "2.5 s"],
    [75, "75 s"],
  ])("%d seconds are %s", (seconds, text) => {
    expect(plain(formatSeconds(seconds))).toBe(text);
  });

  it.each([
    [0, "0 s"],
    [59.9, "59 s"],
    [60, "1 min"],
    [3599, "59 min 59 s"],
    [3600, "1 h"],
    [3605, "1 h"],
    [90_061, "1 d 1 h"],
    [36_000_000, "416 d 16 h"],
    [-1, "0 s"],
  ])("%d seconds are as a long time %s", (seconds, text) => {
    expect(plain(formatDuration(seconds))).toBe(text);
  });

  it.each([
    [0, "0"],
    [0.126, "0.13"],
    [12.34, "12.3"],
    [12_345.6, "12,346"],
  ])("the number %d is %s", (value, text) => {
    expect(formatNumber(value)).toBe(text);
  });

  it("gives every figure its unit, and what is not known a dash", () => {
    expect(plain(formatFigure(2048, "bytes"))).toBe("2 KiB");
    expect(plain(formatFigure(2048, "bytes/s"))).toBe("2 KiB/s");
    expect(plain(formatFigure(12, "count"))).toBe("12");
    expect(plain(formatFigure(1.5, "per second"))).toBe("1.5/s");
    expect(plain(formatFigure(0.9876, "ratio"))).toBe("98.8 %");
    expect(plain(formatFigure(0.25, "seconds"))).toBe("250 ms");
    for (const unknown of [null, Number.NaN, Infinity]) {
      expect(formatFigure(unknown, "count")).toBe("\u2013");
    }
  });

  it("tells the time of day", () => {
    expect(formatTime(Date.UTC(2026, 10, 25, 6, 54, 3), "UTC")).toBe("06:54:03");
  });
});
