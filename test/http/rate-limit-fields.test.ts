import { describe, expect, it } from "bun:test";
import { parseList } from "structured-headers";
import {
  formatRateLimit,
  formatRateLimitPolicy,
  retryAfterSecondsOf,
  type RateLimitPolicy,
} from "../../src/http/rate-limit-fields.ts";

const uploads: RateLimitPolicy = {
  name: "uploads",
  rate: { amount: 100, perMs: 60_000 },
  unit: "requests",
};
const bytes: RateLimitPolicy = {
  name: "upload-bytes",
  rate: { amount: 10_485_760, perMs: 1000 },
  unit: "content-bytes",
};
const quota = (remaining: number, moreInMs: number | null) => ({ remaining, moreInMs });

describe("formatRateLimitPolicy", () => {
  it("tells what there is in which time, and of what", () => {
    const text = formatRateLimitPolicy([uploads, bytes]);
    expect(text).toBe('"uploads";q=100;w=60, "upload-bytes";q=10485760;w=1;qu="content-bytes"');
    const items = parseList(text).map((item) => [item[0], Object.fromEntries(item[1])]);
    expect(items).toEqual([
      ["uploads", { q: 100, w: 60 }],
      ["upload-bytes", { q: 10_485_760, w: 1, qu: "content-bytes" }],
    ]);
  });
});

describe("formatRateLimit", () => {
  it("tells what is left, and in how many seconds there is more", () => {
    const states = [
      { policy: uploads, quota: quota(98, 600) },
      { policy: bytes, quota: quota(0, 8001) },
    ];
    const text = formatRateLimit(states);
    expect(text).toBe('"uploads";r=98;t=1, "upload-bytes";r=0;t=9');
    expect(parseList(text).map(([name]) => name)).toEqual(["uploads", "upload-bytes"]);
  });

  it("tells no time where there cannot be more", () => {
    expect(formatRateLimit([{ policy: uploads, quota: quota(100, null) }])).toBe('"uploads";r=100');
  });
});

describe("retryAfterSecondsOf", () => {
  it("is the longest of all, never 0", () => {
    const long = { policy: uploads, quota: quota(0, 11_001) };
    const short = { policy: bytes, quota: quota(0, 1) };
    expect(retryAfterSecondsOf([short, long])).toBe(12);
    expect(retryAfterSecondsOf([{ policy: bytes, quota: quota(5, 0) }])).toBe(1);
    expect(retryAfterSecondsOf([{ policy: bytes, quota: quota(5, null) }])).toBe(1);
  });
});
