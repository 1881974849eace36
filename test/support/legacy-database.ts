import type { Database, Rows } from "../../src/storage/database.ts";
import { shortKey } from "./blobs.ts";
import { type Vector, vectors } from "./vectors.ts";

/** Which hashes the Rust registry kept: of its first releases, of its last, or of one after another. */
export type LegacyForm = "32-byte keys" | "16-byte keys" | "both";

export const legacyForms: readonly LegacyForm[] = ["32-byte keys", "16-byte keys", "both"];

/** The statements of the Rust registry, word for word what it asks of its database. */
export const legacyStatements = {
  createTable:
    "CREATE TABLE IF NOT EXISTS blobs (hash BYTEA PRIMARY KEY, data BYTEA NOT NULL, " +
    "size BIGINT NOT NULL, created_at TIMESTAMP WITH TIME ZONE DEFAULT NOW())",
  createIndex: "CREATE INDEX IF NOT EXISTS idx_blobs_created_at ON blobs(created_at)",
  load: "SELECT data FROM blobs WHERE hash = $1",
  store: "INSERT INTO blobs (hash, data, size) VALUES ($1, $2, $3) ON CONFLICT (hash) DO NOTHING",
} as const;

/** Makes the tables of the Rust registry, and rows as it stored them, one of them undated. */
export async function makeLegacyDatabase(database: Database, form: LegacyForm): Promise<void> {
  await database.query("write", legacyStatements.createTable);
  await database.query("write", legacyStatements.createIndex);
  for (const vector of vectors) {
    for (const key of keysIn(form, vector)) {
      const params = [key, vector.data, vector.data.length];
      await database.query("write", legacyStatements.store, params);
    }
  }
  const undated = "UPDATE blobs SET created_at = NULL WHERE size = 233";
  await database.query("write", undated);
}

/** Where each row is, and which transaction wrote it: what changes when a row is rewritten. */
export async function rowVersions(database: Database): Promise<Rows> {
  return await database.query(
    "read",
    "SELECT hash, ctid::text AS place, xmin::text AS writer FROM blobs ORDER BY hash",
  );
}

// --- internal ---

function keysIn(form: LegacyForm, { name, hash }: Vector) {
  if (form === "32-byte keys") return [hash];
  if (form === "16-byte keys") return [shortKey(hash)];
  // A blob of before the change, one of after it, and one that was uploaded again after it.
  return name === "pre16" ? [hash] : name === "hero" ? [hash, shortKey(hash)] : [shortKey(hash)];
}
