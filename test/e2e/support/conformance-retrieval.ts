import { toExpected, type Outcome } from "./conformance-answers.ts";
import { pathOf, type AskedFields, type BlobName, type Row } from "./conformance-row.ts";

/** What fields make of a GET or HEAD of a blob, in whose place they say `{blob}`. */
export type Retrieval = readonly [
  name: string,
  section: string,
  fields: AskedFields,
  outcome: Outcome,
];

export const retrievalMethods = ["GET", "HEAD"] as const;

/** A row for GET and one for HEAD, of each of these blobs. */
export function retrievalRows(
  retrievals: readonly Retrieval[],
  blobs: readonly BlobName[] = ["small", "large"],
): readonly Row[] {
  return retrievals.flatMap(([name, section, fields, outcome]) =>
    blobs.flatMap((blob) =>
      retrievalMethods.map((method) => ({
        name: `${name} (${method} ${blob})`,
        section,
        ask: { method, target: pathOf(blob), fields: aboutBlob(fields, blob) },
        expected: toExpected(outcome, method, blob),
      })),
    ),
  );
}

/** The fields with `{blob…}` as the words of this blob. */
export function aboutBlob(fields: AskedFields, blob: BlobName): AskedFields {
  const about = (value: string): string => value.replaceAll("{blob", `{${blob}`);
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === "string" ? about(value) : value.map(about),
    ]),
  );
}
