import { describe, expect, test } from "bun:test";
import fc from "fast-check";

import { formatHttpDate } from "../../src/domain/http-date.ts";
import {
  allowsRange,
  evaluateConditions,
  hasConditions,
  type Validators,
  type Verdict,
} from "../../src/http/conditions.ts";

/** A whole second. */
const storedMs = Date.parse("2026-03-04T05:06:07Z");
const date = formatHttpDate(storedMs);
const earlier = formatHttpDate(storedMs - 1000);
const later = formatHttpDate(storedMs + 1000);

const selected: Validators = { entityTag: '"a"', modifiedAtMs: storedMs + 999 };
const undated: Validators = { entityTag: '"a"', modifiedAtMs: null };

type Fields = Record<string, string>;

function verdictOf(method: string, fields: Fields, of: Validators | null = selected): Verdict {
  return evaluateConditions({ method, headers: new Headers(fields) }, of);
}

describe("hasConditions", () => {
  test.each(["If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"])(
    "sees %s, even empty",
    (name) => {
      expect(hasConditions(new Headers({ [name]: "x" }))).toBe(true);
      expect(hasConditions(new Headers({ [name.toLowerCase()]: "" }))).toBe(true);
    },
  );

  test("sees nothing in If-Range and the rest", () => {
    expect(hasConditions(new Headers())).toBe(false);
    expect(hasConditions(new Headers({ "If-Range": '"a"', Range: "bytes=0-" }))).toBe(false);
  });
});

describe("evaluateConditions", () => {
  const reads: Verdict[] = ["proceed", "not-modified"];
  const writes: Verdict[] = ["proceed", "failed"];
  const methods: [string, Verdict[]][] = [
    ["GET", reads],
    ["HEAD", reads],
    ["PUT", writes],
    ["POST", writes],
    ["DELETE", writes],
    ["get", writes], // methods are case-sensitive (section 9.1)
  ];

  test.each(methods)("without conditions, %s proceeds", (method) => {
    for (const of of [selected, undated, null]) {
      expect(verdictOf(method, {}, of)).toBe("proceed");
      expect(verdictOf(method, { "If-Range": '"z"', Range: "bytes=0-" }, of)).toBe("proceed");
    }
  });

  // Section 13.1.1: strong comparison; * is true for anything that is there.
  test.each([
    ['"a"', true],
    ['"z", "a"', true],
    ["*", true],
    ['W/"a"', false],
    ['"z"', false],
    ["", false],
    ["a", false],
    ["*, *", false],
  ])("If-Match: %s holds: %p", (value, holds) => {
    for (const [method] of methods) {
      expect(verdictOf(method, { "If-Match": value })).toBe(holds ? "proceed" : "failed");
      expect(verdictOf(method, { "If-Match": value }, null)).toBe("failed");
    }
  });

  // Section 13.1.2: weak comparison; * is false for anything that is there.
  test.each([
    ['"a"', false],
    ['W/"a"', false],
    ['"z", W/"a"', false],
    ["*", false],
    ['"z"', true],
    ["", true],
    ["a", true],
    ["*, *", true],
  ])("If-None-Match: %s holds: %p", (value, holds) => {
    for (const [method, [whenTrue = "failed", whenFalse = "proceed"]] of methods) {
      expect(verdictOf(method, { "If-None-Match": value })).toBe(holds ? whenTrue : whenFalse);
      expect(verdictOf(method, { "If-None-Match": value }, null)).toBe("proceed");
    }
  });

  // Section 13.1.3: for GET and HEAD alone; a date that is none is ignored.
  test.each([
    [earlier, true],
    [date, false],
    [later, false],
    ["", true],
    ["yesterday", true],
    [`${date}, ${date}`, true],
  ])("If-Modified-Since: %s holds: %p", (value, holds) => {
    const fields = { "If-Modified-Since": value };
    for (const [method, allowed] of methods) {
      const isRead = allowed === reads;
      expect(verdictOf(method, fields)).toBe(holds || !isRead ? "proceed" : "not-modified");
      expect(verdictOf(method, fields, undated)).toBe("proceed");
      expect(verdictOf(method, fields, null)).toBe("proceed");
    }
  });

  // Section 13.1.4: for every method.
  test.each([
    [earlier, false],
    [date, true],
    [later, true],
    ["", true],
    ["yesterday", true],
    [`${earlier}, ${earlier}`, true],
  ])("If-Unmodified-Since: %s holds: %p", (value, holds) => {
    const fields = { "If-Unmodified-Since": value };
    for (const [method] of methods) {
      expect(verdictOf(method, fields)).toBe(holds ? "proceed" : "failed");
      expect(verdictOf(method, fields, undated)).toBe("proceed");
      expect(verdictOf(method, fields, null)).toBe("proceed");
    }
  });

  test("a blob stored at the very second of a date is not modified since", () => {
    for (const modifiedAtMs of [storedMs, storedMs + 1, storedMs + 999]) {
      const of = { entityTag: '"a"', modifiedAtMs };
      expect(verdictOf("GET", { "If-Modified-Since": date }, of)).toBe("not-modified");
      expect(verdictOf("GET", { "If-Unmodified-Since": date }, of)).toBe("proceed");
    }
    const next = { entityTag: '"a"', modifiedAtMs: storedMs + 1000 };
    expect(verdictOf("GET", { "If-Modified-Since": date }, next)).toBe("proceed");
    expect(verdictOf("GET", { "If-Unmodified-Since": date }, next)).toBe("failed");
  });

  test("reads the obsolete forms of a date", () => {
    for (const text of ["Wednesday, 04-Mar-26 05:06:07 GMT", "Wed Mar  4 05:06:07 2026"]) {
      expect(verdictOf("GET", { "If-Modified-Since": text })).toBe("not-modified");
    }
  });

  // Section 13.2.2: tags before dates, what may fail before what may be spared.
  test.each<[string, Fields, Verdict]>([
    ["If-Match hides", { "If-Match": '"a"', "If-Unmodified-Since": earlier }, "proceed"],
    ["If-Match hides", { "If-Match": '"z"', "If-Unmodified-Since": later }, "failed"],
    ["If-None-Match hides", { "If-None-Match": '"z"', "If-Modified-Since": later }, "proceed"],
    ["If-None-Match hides", { "If-None-Match": "?", "If-Modified-Since": later }, "proceed"],
    ["If-None-Match hides", { "If-None-Match": "*", "If-Modified-Since": earlier }, "not-modified"],
    ["If-Match first", { "If-Match": '"z"', "If-None-Match": '"a"' }, "failed"],
    ["both count", { "If-Match": '"a"', "If-None-Match": '"a"' }, "not-modified"],
    ["both count", { "If-Match": '"a"', "If-Modified-Since": date }, "not-modified"],
    ["date first", { "If-Unmodified-Since": earlier, "If-None-Match": '"a"' }, "failed"],
    ["both count", { "If-Unmodified-Since": date, "If-Modified-Since": date }, "not-modified"],
  ])("%s: %j of a GET comes to %s", (_, fields, verdict) => {
    expect(verdictOf("GET", fields)).toBe(verdict);
    expect(verdictOf("HEAD", fields)).toBe(verdict);
  });

  test("decides as the steps of section 13.2.2, whatever comes together", () => {
    fc.assert(
      fc.property(situation, (given) => {
        expect(verdictOf(given.method, fieldsOf(given), given.selected)).toBe(oracle(given));
      }),
      { numRuns: 5000 },
    );
  });
});

describe("allowsRange", () => {
  test("without If-Range", () => {
    expect(allowsRange(null, selected)).toBe(true);
  });

  // Section 13.1.5: the very tag, by strong comparison, or the very date.
  test.each([
    ['"a"', true],
    ['W/"a"', false],
    ['"z"', false],
    ['"a", "a"', false],
    ["*", false],
    ["a", false],
    ["", false],
    ['"', false],
    [date, true],
    ["Wednesday, 04-Mar-26 05:06:07 GMT", true],
    [earlier, false],
    [later, false],
    [`${date}, ${date}`, false],
    [`"${date}"`, false],
  ])("If-Range: %s lets one: %p", (value, lets) => {
    expect(allowsRange(new Headers({ "If-Range": ` ${value} ` }).get("If-Range"), selected)).toBe(
      lets,
    );
  });

  test("lets none for a date where none is known", () => {
    expect(allowsRange(date, undated)).toBe(false);
    expect(allowsRange("Thu, 01 Jan 1970 00:00:00 GMT", undated)).toBe(false);
    expect(allowsRange("", undated)).toBe(false);
    expect(allowsRange('"a"', undated)).toBe(true);
  });
});

// --- an oracle: section 13.2.2 as a table, told the meaning of fields instead of their text ---

interface Tag {
  readonly name: "a" | "b" | "c";
  readonly isWeak: boolean;
}

/** A list of tags, `*`, or null for no field. */
type Tags = readonly Tag[] | "*" | null;

/** Seconds from a day in 2026, what is no date, or null for no field. */
type Since = number | "unreadable" | null;

interface Situation {
  readonly method: string;
  readonly selected: Validators | null;
  readonly match: Tags;
  readonly noneMatch: Tags;
  readonly modified: Since;
  readonly unmodified: Since;
}

const name = fc.constantFrom("a" as const, "b" as const, "c" as const);
const tags: fc.Arbitrary<Tags> = fc.oneof(
  fc.constantFrom(null, "*" as const),
  fc.array(fc.record({ name, isWeak: fc.boolean() }), { maxLength: 3 }),
);
const since: fc.Arbitrary<Since> = fc.oneof(
  fc.constantFrom(null, "unreadable" as const),
  fc.integer({ min: -2, max: 2 }),
);
const situation: fc.Arbitrary<Situation> = fc.record({
  method: fc.constantFrom("GET", "HEAD", "PUT", "POST"),
  selected: fc.option(
    fc.record({
      entityTag: name.map((letter) => `"${letter}"`),
      modifiedAtMs: fc.option(fc.integer({ min: -2000, max: 2999 }).map((ms) => storedMs + ms)),
    }),
  ),
  match: tags,
  noneMatch: tags,
  modified: since,
  unmodified: since,
});

function fieldsOf({ match, noneMatch, modified, unmodified }: Situation): Fields {
  const fields: Fields = {};
  if (match !== null) fields["If-Match"] = textOfTags(match);
  if (noneMatch !== null) fields["If-None-Match"] = textOfTags(noneMatch);
  if (modified !== null) fields["If-Modified-Since"] = textOfSince(modified);
  if (unmodified !== null) fields["If-Unmodified-Since"] = textOfSince(unmodified);
  return fields;
}

function textOfTags(list: readonly Tag[] | "*"): string {
  if (list === "*") return list;
  return list.map((tag) => `${tag.isWeak ? "W/" : ""}"${tag.name}"`).join(", ");
}

function textOfSince(seconds: number | "unreadable"): string {
  return seconds === "unreadable" ? "Wed, 99 Mar" : formatHttpDate(storedMs + seconds * 1000);
}

function oracle({ method, selected: blob, ...fields }: Situation): Verdict {
  const isRead = method === "GET" || method === "HEAD";
  const isThere = blob !== null;
  const names = (list: Tags, byStrong: boolean) =>
    isThere &&
    (list === "*" ||
      (list ?? []).some((tag) => `"${tag.name}"` === blob.entityTag && !(byStrong && tag.isWeak)));
  /** In whole seconds, as Last-Modified tells it. */
  const storedAt = blob?.modifiedAtMs == null ? null : Math.floor(blob.modifiedAtMs / 1000);
  const counts = (value: Since) => typeof value === "number" && storedAt !== null;
  const isNewer = (value: Since) =>
    typeof value === "number" && storedAt !== null && storedAt > storedMs / 1000 + value;

  const steps: { step: number; counts: boolean; isTrue: boolean; otherwise: Verdict }[] = [
    {
      step: 1,
      counts: fields.match !== null,
      isTrue: names(fields.match, true),
      otherwise: "failed",
    },
    {
      step: 2,
      counts: fields.match === null && counts(fields.unmodified),
      isTrue: !isNewer(fields.unmodified),
      otherwise: "failed",
    },
    {
      step: 3,
      counts: fields.noneMatch !== null,
      isTrue: !names(fields.noneMatch, false),
      otherwise: isRead ? "not-modified" : "failed",
    },
    {
      step: 4,
      counts: isRead && fields.noneMatch === null && counts(fields.modified),
      isTrue: isNewer(fields.modified),
      otherwise: "not-modified",
    },
  ];
  return steps.find((step) => step.counts && !step.isTrue)?.otherwise ?? "proceed";
}
