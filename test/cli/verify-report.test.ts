import { describe, expect, it } from "bun:test";
import { renderFinding, renderVerified } from "../../src/cli/verify-report.ts";

const key = new Uint8Array(Buffer.from("24c83c96c8ffda4f4848b2bedf2800a0", "hex"));
const counts = { rows: 12, segments: 3, bytes: 2_097_153, bad: 0, quarantined: 0 };
const none = { uploads: 0, segments: 0 };

describe("a bad row", () => {
  it("is a line that says why, and what became of it", () => {
    const why = "segment 1 is missing";
    expect(renderFinding({ key, why, outcome: "left" }, false)).toBe(
      "bad 24c83c96c8ffda4f4848b2bedf2800a0: segment 1 is missing\n",
    );
    expect(renderFinding({ key, why, outcome: "quarantined" }, false)).toBe(
      "bad 24c83c96c8ffda4f4848b2bedf2800a0: segment 1 is missing; moved to quarantine\n",
    );
    const json = '"why":"segment 1 is missing","outcome":"served"}\n';
    expect(renderFinding({ key, why, outcome: "served" }, true)).toBe(
      `{"key":"24c83c96c8ffda4f4848b2bedf2800a0",${json}`,
    );
  });
});

describe("what verifying found", () => {
  it("is a line for people", () => {
    expect(renderVerified({ ...counts, orphans: none, stoppedAt: null }, false)).toBe(
      "verified 12 rows and 3 segments, 2097153 bytes; bad 0\n",
    );
    const bad = { ...counts, bad: 3, quarantined: 2 };
    expect(renderVerified({ ...bad, orphans: null, stoppedAt: key }, false)).toBe(
      "verified 12 rows and 3 segments, 2097153 bytes; bad 3 (quarantined 2)\n" +
        "stopped before the end; go on with --from 24c83c96c8ffda4f4848b2bedf2800a0\n",
    );
    const orphans = { uploads: 2, segments: 70 };
    expect(renderVerified({ ...counts, orphans, stoppedAt: null }, false)).toEndWith(
      "\norphaned: 70 segments of 2 uploads, which the server removes\n",
    );
    expect(renderVerified({ ...counts, orphans: null, stoppedAt: null }, false)).toEndWith(
      "\norphaned segments were not looked for: see docs/integrity.md\n",
    );
  });

  it("is one object for machines", () => {
    const report = { ...counts, orphans: none, stoppedAt: null };
    const plain = { ...counts, orphaned: none, go_on_from: null };
    expect(JSON.parse(renderVerified(report, true))).toEqual(plain);
    expect(JSON.parse(renderVerified({ ...report, orphans: null, stoppedAt: key }, true))).toEqual({
      ...plain,
      orphaned: null,
      go_on_from: "24c83c96c8ffda4f4848b2bedf2800a0",
    });
  });
});
