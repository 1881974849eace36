import { complaintsOf, fieldOf } from "./conformance-check.ts";
import type { Ask, Expected, Row } from "./conformance-row.ts";
import { createSubject, send, warm, type Subject, type Target } from "./conformance-subject.ts";
import type { Answer } from "./conformance-wire.ts";

/**
 * Asks what a row asks, first when nothing of its blob has been read, then again when all of it has
 * been and may come from memory, and what it asks afterwards. Gives all that is wrong.
 */
export async function walk(row: Row, target: Target): Promise<string[]> {
  const subject = await createSubject(target);
  const complaints = named("first", await ask(row.ask, row.expected, subject));
  await warm(subject);
  complaints.push(...named("again", await ask(row.ask, row.again ?? row.expected, subject)));
  if (row.after === undefined) return complaints;
  return [...complaints, ...named("after", await ask(...row.after, subject))];
}

/** Sends one request; gives what is wrong with the answer. */
export async function ask(request: Ask, expected: Expected, subject: Subject): Promise<string[]> {
  try {
    return complaintsOf(await send(request, subject), expected, subject);
  } catch (error) {
    return [String(error)];
  }
}

/** Whether HEAD must say of this row what GET says: it knows no ranges, and gives no digests. */
export function hasTwin({ ask: { method, fields, content } }: Row): boolean {
  const isOther = "Range" in fields || "Want-Repr-Digest" in fields || content !== undefined;
  return method === "GET" && !isOther;
}

/** What HEAD says otherwise than GET (RFC 9110 section 9.3.2), on a fresh read and a cached one. */
export async function twinComplaints(row: Row, target: Target): Promise<string[]> {
  const subject = await createSubject(target);
  const toHead = { ...row.ask, method: "HEAD" };
  const complaints: string[] = [];
  for (const moment of ["first", "again"]) {
    if (moment === "again") await warm(subject);
    const described = saidBy(await send(toHead, subject));
    const given = saidBy(await send(row.ask, subject));
    for (const name of new Set([...Object.keys(described), ...Object.keys(given)])) {
      if (described[name] === given[name]) continue;
      complaints.push(`${moment}: ${name} is ${described[name]} by HEAD, ${given[name]} by GET`);
    }
  }
  return complaints;
}

// --- internal ---

function named(moment: string, complaints: readonly string[]): string[] {
  return complaints.map((complaint) => `${moment}: ${complaint}`);
}

/** Status and fields; of Date, which may differ, only that it is there. */
function saidBy(answer: Answer): Readonly<Record<string, string>> {
  const date = fieldOf(answer, "Date") === null ? "missing" : "there";
  return { status: String(answer.status), ...Object.fromEntries(answer.fields), date };
}
