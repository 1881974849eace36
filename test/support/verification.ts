import { toHex } from "../../src/domain/bytes.ts";
import type { Database } from "../../src/storage/database.ts";
import { verifyRows, type VerifyOptions } from "../../src/storage/verify.ts";
import type { BadRow } from "../../src/storage/verify-verdict.ts";
import { hashing } from "./blobs.ts";

/** Verifies a database, as fast as it goes unless told otherwise; gives what it told, too. */
export async function runVerify(database: Database, options: Partial<VerifyOptions> = {}) {
  const bad: BadRow[] = [];
  const parts: number[] = [];
  const report = await verifyRows(database, {
    hashing,
    bytesPerSecond: 64 * 1024 ** 3,
    from: null,
    isQuarantining: false,
    signal: new AbortController().signal,
    ...options,
    onBad(row) {
      bad.push(row);
      options.onBad?.(row);
    },
    onProgress(part, counts, reached) {
      parts.push(part);
      options.onProgress?.(part, counts, reached);
    },
  });
  return { report, bad, parts, told: bad.map(({ key, why }) => `${toHex(key)}: ${why}`) };
}

/** What is in quarantine, by key. */
export async function quarantinedKeys(database: Database): Promise<string[]> {
  const rows = await database.query("read", "SELECT hash FROM quarantined_blobs ORDER BY hash");
  return rows.map((row) => toHex(row["hash"] as Uint8Array));
}
