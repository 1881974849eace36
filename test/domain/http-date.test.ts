import { afterEach, describe, expect, setSystemTime, test } from "bun:test";
import fc from "fast-check";

import { formatHttpDate, formatLastModified, parseHttpDate } from "../../src/domain/http-date.ts";

/** The example of RFC 9110 section 5.6.7, in ms. */
const exampleMs = Date.parse("1994-11-06T08:49:37Z");

const longWeekdays = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");
const months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** Whole seconds of the years given, both of them included. */
function secondsOf(firstYear: number, lastYear: number): fc.Arbitrary<number> {
  const first = Date.parse(`${String(firstYear).padStart(4, "0")}-01-01T00:00:00Z`) / 1000;
  const last = Date.parse(`${String(lastYear).padStart(4, "0")}-12-31T23:59:59Z`) / 1000;
  return fc.integer({ min: first, max: last }).map((seconds) => seconds * 1000);
}

/** The three forms of a time, put together from its ISO form. */
function formsOf(ms: number): { fixdate: string; rfc850: string; asctime: string } {
  const iso = new Date(ms).toISOString();
  const [year = "", month = "", day = ""] = iso.slice(0, 10).split("-");
  const time = iso.slice(11, 19);
  const longWeekday = longWeekdays[new Date(ms).getUTCDay()] ?? "";
  const weekday = longWeekday.slice(0, 3);
  const monthName = months[Number(month) - 1] ?? "";
  return {
    fixdate: `${weekday}, ${day} ${monthName} ${year} ${time} GMT`,
    rfc850: `${longWeekday}, ${day}-${monthName}-${year.slice(2)} ${time} GMT`,
    asctime: `${weekday} ${monthName} ${day.replace(/^0/, " ")} ${time} ${year}`,
  };
}

afterEach(() => {
  setSystemTime();
});

describe("formatHttpDate", () => {
  test("gives the form of the RFC's example", () => {
    expect(formatHttpDate(exampleMs)).toBe("Sun, 06 Nov 1994 08:49:37 GMT");
  });

  test("leaves fractions of a second out", () => {
    expect(formatHttpDate(exampleMs + 999)).toBe("Sun, 06 Nov 1994 08:49:37 GMT");
    expect(formatHttpDate(-1)).toBe("Wed, 31 Dec 1969 23:59:59 GMT");
  });

  test("gives IMF-fixdate for every second of the years 0 to 9999", () => {
    fc.assert(
      fc.property(secondsOf(0, 9999), (ms) => {
        expect(formatHttpDate(ms)).toBe(formsOf(ms).fixdate);
      }),
    );
  });
});

describe("formatLastModified", () => {
  test("of what was stored in the past, or now, is then", () => {
    setSystemTime(exampleMs);
    expect(formatLastModified(exampleMs)).toBe("Sun, 06 Nov 1994 08:49:37 GMT");
    expect(formatLastModified(exampleMs - 1)).toBe("Sun, 06 Nov 1994 08:49:36 GMT");
  });

  test("is now when the database's clock is ahead", () => {
    setSystemTime(exampleMs);
    expect(formatLastModified(exampleMs + 60_000)).toBe("Sun, 06 Nov 1994 08:49:37 GMT");
  });
});

describe("parseHttpDate", () => {
  test.each([
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Sunday, 06-Nov-94 08:49:37 GMT",
    "Sun Nov  6 08:49:37 1994",
    "Sun Nov 06 08:49:37 1994",
    "Mon, 06 Nov 1994 08:49:37 GMT", // it was a Sunday
  ])("reads %s", (text) => {
    expect(parseHttpDate(text)).toBe(exampleMs);
  });

  test("reads every form of every second", () => {
    fc.assert(
      fc.property(secondsOf(0, 9999), (ms) => {
        expect(parseHttpDate(formatHttpDate(ms))).toBe(ms);
        expect(parseHttpDate(formsOf(ms).asctime)).toBe(ms);
      }),
    );
    setSystemTime(Date.parse("2026-06-15T12:00:00Z"));
    fc.assert(
      fc.property(secondsOf(1977, 2075), (ms) => {
        expect(parseHttpDate(formsOf(ms).rfc850)).toBe(ms);
      }),
    );
  });

  test.each([
    ["the first second there is", "Sat, 01 Jan 0000 00:00:00 GMT", "0000-01-01T00:00:00Z"],
    ["the first of year 1", "Mon, 01 Jan 0001 00:00:00 GMT", "0001-01-01T00:00:00Z"],
    ["a year that ends like 1994", "Sat, 06 Nov 0094 08:49:37 GMT", "0094-11-06T08:49:37Z"],
    ["the last second there is", "Fri, 31 Dec 9999 23:59:59 GMT", "9999-12-31T23:59:59Z"],
    ["a leap day", "Tue, 29 Feb 2000 00:00:00 GMT", "2000-02-29T00:00:00Z"],
    ["a leap second", "Sat, 31 Dec 2016 23:59:60 GMT", "2016-12-31T23:59:59Z"],
    ["the last day of a month", "Wed, 30 Nov 1994 00:00:00 GMT", "1994-11-30T00:00:00Z"],
  ])("reads %s", (_, text, iso) => {
    expect(parseHttpDate(text)).toBe(Date.parse(iso));
  });

  test.each([
    ["2026-06-15T12:00:00Z", "94", "1994"],
    ["2026-06-15T12:00:00Z", "00", "2000"],
    ["2026-06-15T12:00:00Z", "26", "2026"],
    ["2026-06-15T12:00:00Z", "75", "2075"],
    ["2026-06-15T12:00:00Z", "77", "1977"],
    ["2026-11-06T08:49:37Z", "76", "2076"], // 50 years ahead, to the second
    ["2026-11-06T08:49:36Z", "76", "1976"], // and a second more
    ["1999-12-31T23:59:59Z", "00", "1900"],
    ["2000-01-01T00:00:00Z", "99", "1999"],
  ])("in %s, takes the year %s for %s", (now, twoDigits, year) => {
    setSystemTime(Date.parse(now));
    const read = parseHttpDate(`Sunday, 06-Nov-${twoDigits} 08:49:37 GMT`);
    expect(read).toBe(Date.parse(`${year}-11-06T08:49:37Z`));
  });

  test.each([
    "",
    " ",
    "0",
    "1994",
    "784111777",
    "1994-11-06T08:49:37Z",
    "Sun, 6 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 94 08:49:37 GMT",
    "Sun, 06 Nov 1994 08:49 GMT",
    "Sun, 06 Nov 1994 8:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:37",
    "Sun, 06 Nov 1994 08:49:37 UTC",
    "Sun, 06 Nov 1994 08:49:37 CET",
    "Sun, 06 Nov 1994 08:49:37 +0000",
    "Sun, 06 Nov 1994 08:49:37 gmt",
    "sun, 06 Nov 1994 08:49:37 GMT",
    "Sun, 06 nov 1994 08:49:37 GMT",
    "Sun, 06 Now 1994 08:49:37 GMT",
    "06 Nov 1994 08:49:37 GMT",
    "Sun 06 Nov 1994 08:49:37 GMT",
    "Sun,06 Nov 1994 08:49:37 GMT",
    "Sun,  06 Nov 1994 08:49:37 GMT",
    "Sun, 06-Nov-1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:37 GMT; length=5", // as Internet Explorer once had it
    "Sun, 06 Nov 1994 08:49:37 GMT\n",
    " Sun, 06 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT", // sent twice
    "Sun, 06 Nov 1994 08:49:37.000 GMT",
    "Sun, 06 Nov 19940 08:49:37 GMT",
    "Sun, 06 Nov -001 08:49:37 GMT",
    "Sun, 00 Nov 1994 08:49:37 GMT",
    "Sun, 31 Nov 1994 08:49:37 GMT",
    "Sun, 29 Feb 1900 08:49:37 GMT",
    "Sun, 29 Feb 1994 08:49:37 GMT",
    "Sun, 99 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 24:00:00 GMT",
    "Sun, 06 Nov 1994 08:60:37 GMT",
    "Sun, 06 Nov 1994 08:49:61 GMT",
    "Sun, ٠٦ Nov 1994 08:49:37 GMT",
    "Sunday, 06-Nov-1994 08:49:37 GMT",
    "Sunday, 31-Nov-94 08:49:37 GMT",
    "Sun, 06-Nov-94 08:49:37 GMT",
    "Sunday, 06 Nov 94 08:49:37 GMT",
    "Sun Nov 6 08:49:37 1994",
    "Sun Nov  6 08:49:37 94",
    "Sun Nov  0 08:49:37 1994",
    "Sun Nov 31 08:49:37 1994",
    "Sun Nov  6 08:49:37 1994 GMT",
  ])("takes %j for no date", (text) => {
    expect(parseHttpDate(text)).toBeNull();
  });

  test("reads nothing but what it would write, a leap second apart", () => {
    const number = (max: number) => fc.integer({ min: 0, max }).map((n) => `${n}`.padStart(2, "0"));
    const date = fc.tuple(number(32), fc.constantFrom(...months), number(40));
    const time = fc.tuple(number(25), number(61), number(61));
    fc.assert(
      fc.property(date, time, ([day, month, year], [hour, minute, second]) => {
        const text = `${day} ${month} 19${year} ${hour}:${minute}:${second} GMT`;
        const ms = parseHttpDate(`Sun, ${text}`);
        const same = text.replace(":60 GMT", ":59 GMT");
        const isWritten = new Date(same).toUTCString().endsWith(same);
        expect(ms === null ? null : formatHttpDate(ms).slice(5)).toBe(isWritten ? same : null);
      }),
      { numRuns: 1000 },
    );
  });

  test.each([" ", "0", "Sun, ", "Sun, 06 Nov 1994 08:49:37 GMT", "06-"])(
    "ends on 16 KiB of %j",
    (piece) => {
      const text = piece.repeat(16_384 / piece.length);
      for (const start of ["", "Sun, ", "Sun, 06 Nov "]) {
        expect(parseHttpDate(start + text)).toBeNull();
        expect(parseHttpDate(`${start}${text} GMT`)).toBeNull();
      }
    },
  );
});
