import { StartError } from "../domain/errors.ts";
import { toHex, type Bytes } from "../domain/bytes.ts";
import type { Log } from "../domain/log.ts";
import { createHashing } from "../hashing/blake3.ts";
import { verifyRows, type VerifyOptions, type VerifyReport } from "../storage/verify.ts";
import type { BadRow } from "../storage/verify-verdict.ts";
import { beside } from "./beside.ts";
import { openMigrated, openUpToDate, toWorkError, type DatabaseConfig } from "./open-database.ts";

/** What verifying has found. */
export type VerificationReport = VerifyReport;

/** A row that is bad, and what became of it. */
export type VerificationFinding = BadRow;

/** What to verify, and whom to tell. */
export type Verification = Omit<VerifyOptions, "hashing">;

/**
 * Hashes every stored byte again, beside the registries that use the database. It changes nothing,
 * except that bad rows are moved out of the way if that is wanted.
 * @throws StartError with cause and remedy; when it was under way, with where to go on
 */
export async function verifyDatabase(
  config: DatabaseConfig,
  log: Log,
  verification: Verification,
): Promise<VerificationReport> {
  const database = verification.isQuarantining
    ? (await openMigrated(beside(config), log)).database
    : await openUpToDate(beside(config), log);
  let reached: Bytes | null = null;
  try {
    return await verifyRows(database, {
      ...verification,
      hashing: createHashing(),
      onProgress(part, counts, key) {
        reached = key;
        verification.onProgress(part, counts, key);
      },
    });
  } catch (error) {
    const failure = toWorkError(error, config);
    if (reached === null || !(failure instanceof StartError)) throw failure;
    const where = `what came before has been verified: go on with --from ${toHex(reached)}`;
    throw new StartError(`${failure.message}; ${where}`, { cause: failure });
  } finally {
    await database.close();
  }
}
