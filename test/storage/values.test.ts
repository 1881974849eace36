import { describe, expect, it } from "bun:test";
import { postgresDialect } from "../../src/storage/postgres/dialect.ts";
import { sqliteDialect } from "../../src/storage/sqlite/dialect.ts";
import { pad, paddedCount, textsByRowCount, valuesTable } from "../../src/storage/values.ts";

describe("paddedCount", () => {
  it.each([
    [0, 1],
    [1, 1],
    [2, 2],
    [3, 4],
    [4, 4],
    [5, 8],
    [128, 128],
    [129, 256],
    [1000, 1024],
  ])("makes %d rows %d", (count, expected) => {
    expect(paddedCount(count)).toBe(expected);
  });
});

describe("pad", () => {
  it("fills up with rows of the filler", () => {
    const params = [1, "a", 2, "b", 3, "c"];
    pad(params, 3, [0, ""]);
    expect(params).toEqual([1, "a", 2, "b", 3, "c", 0, ""]);
    pad(params, 4, [0, ""]);
    expect(params).toHaveLength(8);
  });
});

describe("valuesTable", () => {
  it("numbers its parameters, and casts those of the first row", () => {
    const columns = [
      { name: "n", type: "integer" },
      { name: "low", type: "bytea" },
    ];
    expect(valuesTable("wanted", columns, 2)).toBe(
      "wanted(n, low) AS (VALUES (CAST($1 AS integer), CAST($2 AS bytea)), ($3, $4))",
    );
  });
});

describe("textsByRowCount", () => {
  it("builds a text once for a dialect and a number of rows", () => {
    let built = 0;
    const textOf = textsByRowCount(({ name }, rowCount) => `${name} ${rowCount} ${(built += 1)}`);
    expect(textOf(postgresDialect, 2)).toBe("postgres 2 1");
    expect(textOf(sqliteDialect, 2)).toBe("sqlite 2 2");
    expect(textOf(postgresDialect, 2)).toBe("postgres 2 1");
    expect(textOf(postgresDialect, 4)).toBe("postgres 4 3");
  });
});
