import { date, type Selected } from "./conditional-requests.ts";

/** What of a blob an answer holds: all of it, bytes `first` to `last`, or a refusal. */
type Answered = "whole" | "unsatisfiable" | readonly [first: number, last: number];

/** A Range field, and what is answered. */
export type AskedRange = readonly [range: string, answered: Answered];

/** Every form of a range for a blob of `total` bytes (RFC 9110 section 14.1.2). */
export function rangesFor(total: number): readonly AskedRange[] {
  if (total < 3) return [...(total === 0 ? ofNothing : ofOneByte), ...ignored];
  const end = total - 1;
  return [
    ["bytes=0-0", [0, 0]],
    ["bytes=1-2", [1, 2]],
    ["Bytes=1-2", [1, 2]],
    [`bytes=0-${end}`, [0, end]],
    [`bytes=${end}-${end}`, [end, end]],
    [`bytes=0-${total}`, [0, end]],
    [`bytes=${end - 1}-${"9".repeat(30)}`, [end - 1, end]],
    ["bytes=0-", [0, end]],
    [`bytes=${end}-`, [end, end]],
    ["bytes=-1", [end, end]],
    ["bytes=-3", [end - 2, end]],
    [`bytes=-${total}`, [0, end]],
    [`bytes=-${total + 1}`, [0, end]],
    [`bytes=${total}-`, "unsatisfiable"],
    [`bytes=${total}-${total + 1}`, "unsatisfiable"],
    [`bytes=${"9".repeat(30)}-`, "unsatisfiable"],
    ["bytes=-0", "unsatisfiable"],
    ...ignored,
  ];
}

/** A Range with other conditions, and the status of its answer. */
export interface RangeCondition {
  readonly name: string;
  readonly status: 200 | 206 | 304 | 412 | 416;
  fields(selected: Selected): Readonly<Record<string, string>>;
}

const other = `"${"0".repeat(64)}"`;
const beyond = "bytes=99999999-";

/** If-Range (RFC 9110 section 13.1.5), and the conditions that come before it (section 13.2.2). */
export const rangeConditions: readonly RangeCondition[] = [
  on(206, "If-Range: its tag", ({ tag }) => ({ "If-Range": tag })),
  on(200, "If-Range: another tag", () => ({ "If-Range": other })),
  on(200, "If-Range: its tag, called weak", ({ tag }) => ({ "If-Range": `W/${tag}` })),
  on(200, "If-Range: its tag without quotes", ({ tag }) => ({ "If-Range": tag.slice(1, -1) })),
  on(200, "If-Range: a list with its tag", ({ tag }) => ({ "If-Range": `${tag}, ${other}` })),
  on(206, "If-Range: its date", ({ storedMs }) => ({ "If-Range": date(storedMs) })),
  on(200, "If-Range: an earlier date", ({ storedMs }) => ({ "If-Range": date(storedMs, -1) })),
  on(200, "If-Range: a later date", ({ storedMs }) => ({ "If-Range": date(storedMs, 1) })),
  on(200, "If-Range: no date at all", () => ({ "If-Range": "today" })),
  on(416, "If-Range: its tag, of what is beyond the end", ({ tag }) => ({
    "If-Range": tag,
    Range: beyond,
  })),
  on(200, "If-Range: another tag, of what is beyond the end", () => ({
    "If-Range": other,
    Range: beyond,
  })),
  on(304, "If-None-Match: its tag", ({ tag }) => ({ "If-None-Match": tag })),
  on(304, "If-None-Match: its tag, of what is beyond the end", ({ tag }) => ({
    "If-None-Match": tag,
    Range: beyond,
  })),
  on(206, "If-None-Match: another tag", () => ({ "If-None-Match": other })),
  on(304, "If-None-Match: its tag, with If-Range: another", ({ tag }) => ({
    "If-None-Match": tag,
    "If-Range": other,
  })),
  on(412, "If-Match: another tag", () => ({ "If-Match": other })),
  on(206, "If-Match: its tag", ({ tag }) => ({ "If-Match": tag })),
];

// --- internal ---

/** Several ranges, which few ask for and which amplify, and what is none (section 14.2). */
const ignored: readonly AskedRange[] = [
  "bytes=0-0,2-2",
  "bytes=0-0, -1",
  "bytes=2-1",
  "bytes=-",
  "bytes=",
  "bytes=a-b",
  "bytes=0x0-1",
  "bytes=--1",
  "bytes=1",
  "bytes 0-1",
  "items=0-1",
].map((range) => [range, "whole"]);

const ofOneByte: readonly AskedRange[] = [
  ["bytes=0-0", [0, 0]],
  ["bytes=0-9", [0, 0]],
  ["bytes=0-", [0, 0]],
  ["bytes=-9", [0, 0]],
  ["bytes=1-", "unsatisfiable"],
  ["bytes=-0", "unsatisfiable"],
];

/** No part of nothing can be named, but all that can be had of its end is all of it. */
const ofNothing: readonly AskedRange[] = [
  ["bytes=0-0", "unsatisfiable"],
  ["bytes=0-", "unsatisfiable"],
  ["bytes=-0", "unsatisfiable"],
  ["bytes=-1", "whole"],
];

function on(
  status: RangeCondition["status"],
  name: string,
  fields: RangeCondition["fields"],
): RangeCondition {
  return { status, name, fields: (selected) => ({ Range: "bytes=0-0", ...fields(selected) }) };
}
