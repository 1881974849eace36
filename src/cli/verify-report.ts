import { toHex } from "../domain/bytes.ts";
import type { VerificationFinding, VerificationReport } from "../ops/verify-database.ts";

/** A bad row, for people or as one line of JSON; docs/integrity.md names the fields. */
export function renderFinding(finding: VerificationFinding, isJson: boolean): string {
  const { key, why, outcome } = finding;
  if (isJson) return toLine({ key: toHex(key), why, outcome });
  const ending = outcome === "quarantined" ? "; moved to quarantine" : "";
  return `bad ${toHex(key)}: ${why}${ending}\n`;
}

/** What verifying has found in all. */
export function renderVerified(report: VerificationReport, isJson: boolean): string {
  const { rows, segments, bytes, bad, quarantined, orphans, stoppedAt } = report;
  if (isJson) {
    const counts = { rows, segments, bytes, bad, quarantined };
    const from = stoppedAt === null ? null : toHex(stoppedAt);
    return toLine({ ...counts, orphaned: orphans, go_on_from: from });
  }
  const seen = `${rows} rows and ${segments} segments, ${bytes} bytes`;
  const found = `bad ${bad}${quarantined === 0 ? "" : ` (quarantined ${quarantined})`}`;
  const lines = [`verified ${seen}; ${found}`];
  if (stoppedAt !== null) {
    lines.push(`stopped before the end; go on with --from ${toHex(stoppedAt)}`);
  } else if (orphans === null) {
    lines.push("orphaned segments were not looked for: see docs/integrity.md");
  } else if (orphans.uploads > 0) {
    const { uploads, segments: loose } = orphans;
    lines.push(`orphaned: ${loose} segments of ${uploads} uploads, which the server removes`);
  }
  return lines.map((line) => `${line}\n`).join("");
}

// --- internal ---

function toLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}
