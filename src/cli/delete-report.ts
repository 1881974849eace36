import type { BlobKey } from "../domain/blob-key.ts";
import { bytesEqual, toHex } from "../domain/bytes.ts";
import type { Deletion } from "../ops/delete-blobs.ts";

/** What is written of a deletion. */
export interface DeletionTold {
  readonly output: string;
  readonly warning: string;
}

/** Whether a key is as it was to be. */
export function isDone({ outcome }: Deletion): boolean {
  return outcome === "deleted" || outcome === "known" || outcome === "lifted";
}

/** What became of a key, for people or as one line of JSON; docs/takedown.md names the fields. */
export function renderDeletion(key: BlobKey, deletion: Deletion, isJson: boolean): DeletionTold {
  const digits = toHex(key);
  const warning = deletion.outcome === "failed" ? `registry: ${digits}: ${deletion.why}\n` : "";
  if (isJson) {
    const output = `${JSON.stringify({ key: digits, ...fieldsOf(deletion) })}\n`;
    return { output, warning };
  }
  const text = textOf(key, deletion);
  return { output: text === null ? "" : `${digits}  ${text}\n`, warning };
}

// --- internal ---

function fieldsOf(deletion: Deletion): Readonly<Record<string, unknown>> {
  const { outcome } = deletion;
  if (outcome === "deleted") return { outcome, hash: toHex(deletion.hash), rows: deletion.rows };
  if (outcome === "failed") return { outcome, why: deletion.why };
  return { outcome };
}

const textByOutcome = {
  absent: "no blob was here; taken down all the same",
  known: "had been taken down before",
  lifted: "may be uploaded again",
  not_taken_down: "was not taken down",
} as const;

function textOf(key: BlobKey, deletion: Deletion): string | null {
  const { outcome } = deletion;
  if (outcome === "failed") return null;
  if (outcome !== "deleted") return textByOutcome[outcome];
  return bytesEqual(key, deletion.hash) ? "deleted" : `deleted ${toHex(deletion.hash)}`;
}
