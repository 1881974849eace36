import { describe, expect, it } from "bun:test";
import {
  censusToJson,
  renderApplied,
  renderBadRow,
  renderCensus,
  renderRekeyed,
} from "../../src/cli/migrate-report.ts";
import { parseBlobKey } from "../../src/domain/blob-key.ts";

const census = {
  migrations: { applied: ["0001-blobs"], pending: ["0002-more", "0003-still-more"] },
  keys: { total: 1_234_567, bytes32: 1_200_000, bytes16: 34_560, other: 7 },
  large: { total: 3, segments: 12, bytesTotal: 12_345_678 },
  uploads: { total: 1, segments: 0, bytesTotal: 0 },
};

describe("the status of a database", () => {
  it("is a line each for people", () => {
    expect(renderCensus(census)).toBe(
      `migrations applied       0001-blobs
migrations pending       0002-more, 0003-still-more
blobs under 32 bytes     1200000
  of these in segments   3 (12 segments, 12345678 bytes)
blobs under 16 bytes     34560
rows under other keys    7
uploads under way        1 (0 segments, 0 bytes)
`,
    );
    const none = { applied: [], pending: [] };
    expect(
      renderCensus({ ...census, migrations: none })
        .split("\n")
        .slice(0, 2),
    ).toEqual(["migrations applied       none", "migrations pending       none"]);
  });

  it("is one object for machines", () => {
    const text = censusToJson(census);
    expect(text.indexOf("\n")).toBe(text.length - 1);
    expect(JSON.parse(text)).toEqual({
      migrations: { applied: ["0001-blobs"], pending: ["0002-more", "0003-still-more"] },
      blobs: {
        total: 1_234_567,
        keys_of_32_bytes: 1_200_000,
        keys_of_16_bytes: 34_560,
        other_keys: 7,
      },
      large_blobs: { total: 3, segments: 12, bytes: 12_345_678 },
      uploads_under_way: { total: 1, segments: 0, bytes: 0 },
    });
  });
});

describe("what migrate has done", () => {
  it("is named", () => {
    expect(renderApplied([], false)).toBe("nothing is pending\n");
    expect(renderApplied(["a", "b"], false)).toBe("applied a\napplied b\n");
    expect(renderApplied(["a", "b"], true)).toBe('{"applied":["a","b"]}\n');
  });

  it("is counted for rekeying, each bad row named", () => {
    const key = parseBlobKey("69ad1bfe3cb50155a6b95a24748d4398");
    const row = { key, why: "its bytes are in segments" };
    expect(renderBadRow(row, false)).toBe(
      "bad 69ad1bfe3cb50155a6b95a24748d4398: its bytes are in segments\n",
    );
    expect(renderBadRow(row, true)).toBe(
      '{"key":"69ad1bfe3cb50155a6b95a24748d4398","why":"its bytes are in segments"}\n',
    );
    const report = { rekeyed: 5, merged: 2, repaired: 1, bad: 3 };
    expect(renderRekeyed(report, true)).toBe('{"rekeyed":5,"merged":2,"repaired":1,"bad":3}\n');
    expect(renderRekeyed(report, false)).toBe(
      "rekeyed 5, merged 2 (repaired 1), bad 3, left as they are\n",
    );
    expect(renderRekeyed({ ...report, bad: 0 }, false)).toEndWith(", bad 0\n");
  });
});
