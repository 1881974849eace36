import type { Outcome } from "./conformance-answers.ts";
import type { AskedFields } from "./conformance-row.ts";

/** What a field may say, null where it is not sent; what that is worth, null where nothing. */
type Choice = readonly [value: string | null, holds: boolean | null];

/** Every field of RFC 9110 section 13 and Range, each with what it may say. */
export interface Dimensions {
  readonly "If-Match": readonly Choice[];
  readonly "If-Unmodified-Since": readonly Choice[];
  readonly "If-None-Match": readonly Choice[];
  readonly "If-Modified-Since": readonly Choice[];
  readonly "If-Range": readonly Choice[];
  /** Holds: there is such a part. */
  readonly Range: readonly Choice[];
}

const fieldNames = [
  "If-Match",
  "If-Unmodified-Since",
  "If-None-Match",
  "If-Modified-Since",
  "If-Range",
  "Range",
] as const;

type FieldName = (typeof fieldNames)[number];

/** One choice of each field. */
export type Combination = Readonly<Record<FieldName, Choice>>;

const left: Choice = [null, null];

/** The part that every satisfiable Range here asks for. */
const partAsked = [10, 19] as const;

/** 2160 combinations. */
export const everything: Dimensions = {
  "If-Match": [left, ['"{blob}"', true], ['"a"', false], ["*", true]],
  "If-Unmodified-Since": [
    left,
    ["{blob:modified}", true],
    ["{blob:before}", false],
    ["no date", null],
  ],
  "If-None-Match": [left, ['W/"{blob}"', false], ['"a"', true]],
  "If-Modified-Since": [left, ["{blob:modified}", false], ["{blob:before}", true]],
  "If-Range": [
    left,
    ['"{blob}"', true],
    ['W/"{blob}"', false],
    ["{blob:modified}", true],
    ["{blob:after}", false],
  ],
  Range: [left, ["bytes=10-19", true], ["bytes={blob:size}-", false]],
};

/** 108 combinations: of a large blob each answer takes its time. */
export const essentials: Dimensions = {
  "If-Match": [left, ['"a"', false]],
  "If-Unmodified-Since": [left, ["{blob:before}", false]],
  "If-None-Match": [left, ['"a"', true], ['"{blob}"', false]],
  "If-Modified-Since": [["{blob:modified}", false]],
  "If-Range": [left, ['"{blob}"', true], ['"a"', false]],
  Range: everything.Range,
};

/** Each choice of every field with each of all others. */
export function combinationsOf(dimensions: Dimensions): readonly Combination[] {
  let partial: readonly Partial<Combination>[] = [{}];
  for (const name of fieldNames) {
    partial = partial.flatMap((some) =>
      dimensions[name].map((choice) => ({ ...some, [name]: choice })),
    );
  }
  return partial as readonly Combination[];
}

/** The fields of a combination that are sent. */
export function fieldsOf(combination: Combination): AskedFields {
  const fields: Record<string, string> = {};
  for (const name of fieldNames) {
    const [value] = combination[name];
    if (value !== null) fields[name] = value;
  }
  return fields;
}

/** RFC 9110 section 13.2.2, step by step, as it is written there. */
export function outcomeOf(method: "GET" | "HEAD", combination: Combination): Outcome {
  const holds = (name: FieldName): boolean | null => combination[name][1];
  // 1. "When recipient is the origin server and If-Match is present":
  if (holds("If-Match") !== null) {
    //    "if true, continue to step 3"; "if false, respond 412".
    if (holds("If-Match") === false) return "failed";
  } else {
    // 2. "When [...] If-Match is not present, and If-Unmodified-Since is present":
    //    "if true, continue to step 3"; "if false, respond 412".
    if (holds("If-Unmodified-Since") === false) return "failed";
  }
  // 3. "When If-None-Match is present":
  if (holds("If-None-Match") !== null) {
    //    "if true, continue to step 5"; "if false for GET/HEAD, respond 304".
    if (holds("If-None-Match") === false) return "not-modified";
  } else {
    // 4. "When the method is GET or HEAD, If-None-Match is not present, and If-Modified-Since is
    //    present": "if true, continue to step 5"; "if false, respond 304".
    if (holds("If-Modified-Since") === false) return "not-modified";
  }
  // 5. "When the method is GET and both Range and If-Range are present": "if true and the Range is
  //    applicable to the selected representation, respond 206"; "otherwise, ignore the Range header
  //    field and respond 200".
  if (method !== "GET" || holds("Range") === null) return "whole";
  if (holds("If-Range") === false) return "whole";
  // 6. "Otherwise, perform the requested method": with a Range, as section 14.2 has it. A range
  //    that If-Range lets through and that does not exist is refused as it would be without
  //    (section 13.1.5: "process the Range header field as requested").
  return holds("Range") === true ? partAsked : "unsatisfiable";
}
