/**
 * The blobs that rows speak of. `small` belongs to the row alone and is in no cache when it is
 * asked for first; `large` is segments; `new…`, `largest` and `too-large` are not stored yet.
 */
export const blobSizes = {
  empty: 0,
  small: 1000,
  large: 3 * 1024 * 1024,
  new: 700,
  "new-large": 3 * 1024 * 1024,
  largest: 4 * 1024 * 1024,
  "too-large": 4 * 1024 * 1024 + 1,
} as const;

export type BlobName = keyof typeof blobSizes;

/** Values by field name; a list is sent as so many lines. */
export type AskedFields = Readonly<Record<string, string | readonly string[]>>;

/** What a request carries: these words, a blob, or a form with a blob in it. */
type AskedContent =
  | { readonly text: string }
  | { readonly blob: BlobName }
  | { readonly form: BlobName };

/**
 * A request. Words in braces stand for what is known only when it is sent: `{small}` is the hash
 * of a blob, `{small:32}` its first digits; `conformance-subject.ts` has them all.
 */
export interface Ask {
  readonly method: string;
  readonly target: string;
  readonly fields: AskedFields;
  readonly content?: AskedContent;
  /** Sent without Content-Length (RFC 9112 section 7.1). */
  readonly isChunked?: boolean;
}

/** What an answer must carry. */
export type ExpectedContent =
  | { readonly kind: "none" }
  /** All of a blob, or the bytes from `first` to `last`. */
  | {
      readonly kind: "blob";
      readonly blob: BlobName;
      readonly first?: number;
      readonly last?: number;
    }
  | { readonly kind: "json"; readonly text: string }
  /** A problem document; `details` must occur in its `detail`. */
  | { readonly kind: "problem"; readonly code: string; readonly details?: readonly string[] };

/** What must be true of an answer, besides what is true of every answer. */
export interface Expected {
  readonly status: number;
  /** Exact values, in which words are replaced, and patterns. */
  readonly fields: Readonly<Record<string, string | RegExp>>;
  /** Fields that must not be there. */
  readonly absent: readonly string[];
  readonly content: ExpectedContent;
}

/** A request and its answer. */
export interface Row {
  readonly name: string;
  /** Where it is written, e.g. `RFC 9110 13.1.2`; our own decisions are in `openapi.yaml`. */
  readonly section: string;
  readonly ask: Ask;
  readonly expected: Expected;
  /** The answer to the same request sent again; left out, it is the same. */
  readonly again?: Expected;
  /** Asked afterwards: what became of it. */
  readonly after?: readonly [ask: Ask, expected: Expected];
}

/** The path of a blob, by a word. */
export function pathOf(word: string): string {
  return `/api/v1/metadata/{${word}}`;
}

export function get(target: string, fields: AskedFields = {}): Ask {
  return { method: "GET", target, fields };
}

export function head(target: string, fields: AskedFields = {}): Ask {
  return { method: "HEAD", target, fields };
}

/** A blob put under its own hash. */
export function put(blob: BlobName, fields: AskedFields = {}): Ask {
  return { method: "PUT", target: pathOf(blob), fields, content: { blob } };
}

/** A blob uploaded in a form. */
export function post(blob: BlobName, fields: AskedFields = {}): Ask {
  return { method: "POST", target: "/api/v1/metadata", fields, content: { form: blob } };
}
