/** A list of entity tags, or `*`, as If-Match and If-None-Match hold it (RFC 9110 section 13.1). */
export interface EntityTagList {
  readonly isAny: boolean;
  /** Strong ones, with their quotes. */
  readonly strong: readonly string[];
  /** Weak ones, with their quotes and without `W/`. */
  readonly weak: readonly string[];
}

/**
 * Reads a list of entity tags (RFC 9110 sections 5.6.1 and 8.8.3), or a `*` that stands alone; a
 * field sent twice comes as one list. What is not an entity tag ends the list, a `*` among others
 * too (section 13.1.1): what stands before it still counts, as it would had the client left the
 * rest out.
 */
export function parseEntityTags(text: string): EntityTagList {
  if (text === "*") return { isAny: true, strong: [], weak: [] };
  const strong: string[] = [];
  const weak: string[] = [];
  for (const [, weakness, opaque = ""] of text.matchAll(listed)) {
    (weakness === undefined ? strong : weak).push(opaque);
  }
  return { isAny: false, strong, weak };
}

/** Whether a list names `entityTag`, a strong one, by strong comparison (section 8.8.3.2). */
export function namesStrongly({ isAny, strong }: EntityTagList, entityTag: string): boolean {
  return isAny || strong.includes(entityTag);
}

/** Whether a list names `entityTag` by weak comparison: as strong or weak. */
export function namesWeakly(list: EntityTagList, entityTag: string): boolean {
  return namesStrongly(list, entityTag) || list.weak.includes(entityTag);
}

// --- internal ---

/**
 * One entity tag of a list, with the commas and blanks around it; sticky, so that each begins
 * where the last one ended. Quotes hold commas, but neither blanks nor quotes.
 */
const listed = /[ \t,]*(W\/)?("[!\x23-\x7e\x80-\xff]*")[ \t]*(?=,|$)/gy;
