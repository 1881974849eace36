import type { Expected, ExpectedContent } from "./conformance-row.ts";
import type { Subject } from "./conformance-subject.ts";
import type { Answer } from "./conformance-wire.ts";

/** What is wrong with an answer, a line each; pure. */
export function complaintsOf(answer: Answer, expected: Expected, subject: Subject): string[] {
  const { status } = expected;
  if (answer.status !== status) {
    // The rest would only repeat it.
    return [`the status is ${answer.status}, not ${status}; ${excerptOf(answer.content)}`];
  }
  return [
    ...generalComplaints(answer),
    ...fieldComplaints(answer, expected, subject),
    ...contentComplaints(answer, expected.content, subject),
  ];
}

/** The value of a field, null when it is not there. */
export function fieldOf({ fields }: Answer, name: string): string | null {
  return fields.find(([found]) => found === name.toLowerCase())?.[1] ?? null;
}

// --- internal ---

/** What holds for every answer. */
function generalComplaints(answer: Answer): string[] {
  const complaints: string[] = [];
  const names = answer.fields.map(([name]) => name);
  for (const name of new Set(names.filter((each, index) => names.indexOf(each) !== index))) {
    complaints.push(`${name} is there twice`); // RFC 9110 section 5.3: ours are no lists
  }
  // RFC 9110 section 6.6.1; no clock of a registry is broken.
  const date = fieldOf(answer, "Date");
  if (date === null) complaints.push("Date is not there");
  else if (!isHttpDate(date)) complaints.push(`Date is ${date}`);
  // RFC 9110 section 8.8.2.1.
  const modified = fieldOf(answer, "Last-Modified");
  if (modified !== null && !isHttpDate(modified)) complaints.push(`Last-Modified is ${modified}`);
  if (modified !== null && Date.parse(modified) > Date.parse(date ?? "")) {
    complaints.push(`Last-Modified, ${modified}, is later than Date, ${date}`);
  }
  // RFC 9110 section 8.3.
  if (answer.content.length > 0 && fieldOf(answer, "Content-Type") === null) {
    complaints.push("Content-Type is not there");
  }
  return complaints;
}

function fieldComplaints(answer: Answer, { fields, absent }: Expected, subject: Subject): string[] {
  const complaints: string[] = [];
  for (const [name, wanted] of Object.entries(fields)) {
    const found = fieldOf(answer, name);
    const value = typeof wanted === "string" ? subject.fill(wanted) : wanted;
    if (found === null) complaints.push(`${name} is not there`);
    else if (typeof value === "string" ? found !== value : !value.test(found)) {
      complaints.push(`${name} is ${found}, not ${String(value)}`);
    }
  }
  for (const name of absent) {
    const found = fieldOf(answer, name);
    if (found !== null) complaints.push(`${name} is there: ${found}`);
  }
  return complaints;
}

function contentComplaints(answer: Answer, wanted: ExpectedContent, subject: Subject): string[] {
  switch (wanted.kind) {
    case "none":
      return answer.content.length === 0 ? [] : [`content: ${excerptOf(answer.content)}`];
    case "blob": {
      const { data } = subject.blob(wanted.blob);
      const { first = 0, last = data.length - 1 } = wanted;
      const isSame = Buffer.compare(answer.content, data.subarray(first, last + 1)) === 0;
      return isSame
        ? []
        : [`the content, of ${answer.content.length} bytes, is not ${wanted.blob}`];
    }
    case "json": {
      const value: unknown = JSON.parse(subject.fill(wanted.text));
      const isSame = Bun.deepEquals(parseJson(answer.content), value, true);
      return isSame ? [] : [`${excerptOf(answer.content)} is not ${subject.fill(wanted.text)}`];
    }
    case "problem":
    default:
      return problemComplaints(answer, wanted, subject);
  }
}

/** RFC 9457 section 3.1, and the members of our own. */
function problemComplaints(
  { status, content }: Answer,
  { code, details = [] }: Extract<ExpectedContent, { kind: "problem" }>,
  subject: Subject,
): string[] {
  const found = parseJson(content);
  if (typeof found !== "object" || found === null) return [`no problem: ${excerptOf(content)}`];
  const { detail, title, ...rest } = found as Readonly<Record<string, unknown>>;
  const wanted = { type: `urn:mycelium-registry:${code}`, status, code };
  const complaints: string[] = [];
  if (!Bun.deepEquals(rest, wanted, true)) {
    complaints.push(`the problem is ${JSON.stringify(rest)}, not ${JSON.stringify(wanted)}`);
  }
  for (const [name, text] of Object.entries({ title, detail })) {
    if (typeof text !== "string" || text === "") complaints.push(`the problem has no ${name}`);
  }
  for (const text of details.map((each) => subject.fill(each))) {
    if (!String(detail).includes(text)) complaints.push(`"${String(detail)}" lacks ${text}`);
  }
  return complaints;
}

/** IMF-fixdate, and a day that there was (RFC 9110 section 5.6.7). */
function isHttpDate(text: string): boolean {
  const ms = Date.parse(text);
  return !Number.isNaN(ms) && new Date(ms).toUTCString() === text;
}

function parseJson(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString());
  } catch {
    return undefined;
  }
}

function excerptOf(content: Buffer): string {
  return content.length === 0 ? "no content" : JSON.stringify(content.toString("latin1", 0, 200));
}
