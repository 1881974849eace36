import { parseHttpDate } from "../domain/http-date.ts";
import { namesStrongly, namesWeakly, parseEntityTags } from "./entity-tags.ts";

/** What conditions are held against: what is selected by the request. */
export interface Validators {
  /** Strong, with its quotes. */
  readonly entityTag: string;
  /** In ms since 1970, of which HTTP sees whole seconds; null when it is not known. */
  readonly modifiedAtMs: number | null;
}

/** What the conditions of a request come to. */
export type Verdict = "proceed" | "not-modified" | "failed";

/** Whether a request has conditions (RFC 9110 section 13.1), If-Range apart. */
export function hasConditions(headers: Headers): boolean {
  return (
    headers.has("if-none-match") ||
    headers.has("if-modified-since") ||
    headers.has("if-match") ||
    headers.has("if-unmodified-since")
  );
}

/**
 * Evaluates the conditions of a request, in the order of precedence of RFC 9110 section 13.2.2
 * (If-Range apart). `selected` is null where there is nothing at the target. A date that cannot be
 * read, or has nothing to be compared with, is no condition; an unreadable If-Match names nothing.
 */
export function evaluateConditions(
  { method, headers }: Pick<Request, "method" | "headers">,
  selected: Validators | null,
): Verdict {
  const ifMatch = headers.get("if-match");
  if (ifMatch !== null) {
    if (!isMatch(ifMatch, selected)) return "failed";
  } else if (isModifiedSince(headers.get("if-unmodified-since"), selected) === true) {
    return "failed";
  }
  const isRead = method === "GET" || method === "HEAD";
  const ifNoneMatch = headers.get("if-none-match");
  if (ifNoneMatch !== null) {
    if (!isNoneMatched(ifNoneMatch, selected)) return isRead ? "not-modified" : "failed";
  } else if (isRead && isModifiedSince(headers.get("if-modified-since"), selected) === false) {
    return "not-modified";
  }
  return "proceed";
}

/**
 * Whether If-Range lets a range be answered (RFC 9110 section 13.1.5): there is none, or it names
 * what is selected, by strong comparison or by its very date, which is as strong: no blob changes
 * (section 8.8.2.2).
 */
export function allowsRange(ifRange: string | null, selected: Validators): boolean {
  if (ifRange === null || ifRange === selected.entityTag) return true;
  const since = parseHttpDate(ifRange);
  return since !== null && since === secondOf(selected.modifiedAtMs);
}

// --- internal ---

function isMatch(ifMatch: string, selected: Validators | null): boolean {
  return selected !== null && namesStrongly(parseEntityTags(ifMatch), selected.entityTag);
}

function isNoneMatched(ifNoneMatch: string, selected: Validators | null): boolean {
  return selected === null || !namesWeakly(parseEntityTags(ifNoneMatch), selected.entityTag);
}

/** Null where there is no telling. */
function isModifiedSince(date: string | null, selected: Validators | null): boolean | null {
  const since = date === null ? null : parseHttpDate(date);
  const modified = secondOf(selected?.modifiedAtMs ?? null);
  return since === null || modified === null ? null : modified > since;
}

function secondOf(ms: number | null): number | null {
  return ms === null ? null : Math.floor(ms / 1000) * 1000;
}
