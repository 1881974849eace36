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
const quota = (remaining: number, fullInMs: number, retryInMs: number) => ({
  remaining,
  fullInMs,
  retryInMs,
});

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
  it("tells when all is there again, or the first, where nothing is left", () => {
    const states = [
      { policy: uploads, quota: quota(99, 600, 0) },
      { policy: bytes, quota: quota(0, 9001, 8001) },
    ];
    expect(formatRateLimit(states)).toBe('"uploads";r=99;t=1, "upload-bytes";r=0;t=9');
  });

  it("of a full bucket tells 0 seconds", () => {
    const state = { policy: uploads, quota: quota(100, 0, 0) };
    expect(formatRateLimit([state])).toBe('"uploads";r=100;t=0');
  });
});

describe("retryAfterSecondsOf", () => {
  it("is the longest of all, never 0", () => {
    const long = { policy: uploads, quota: quota(0, 60_000, 11_001) };
    const short = { policy: bytes, quota: quota(0, 900, 1) };
    expect(retryAfterSecondsOf([short, long])).toBe(12);
    expect(retryAfterSecondsOf([{ policy: bytes, quota: quota(5, 900, 0) }])).toBe(1);
  });
});
