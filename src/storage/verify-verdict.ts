import type { Bytes } from "../domain/bytes.ts";
import type { Hashing } from "../domain/hasher.ts";
import type { Database, Query } from "./database.ts";
import { createPace } from "./pace.ts";
import { quarantine, type Suspect } from "./quarantine.ts";
import { faultOfRow, mayBeLarge, readRowToVerify, type RowToVerify } from "./verify-row.ts";
import { faultOfSegments, listSegments, readSegments } from "./verify-segments.ts";

/** A row that is bad, and what became of it. */
export interface BadRow {
  /** Of any length: a damaged row may have any. */
  readonly key: Bytes;
  readonly why: string;
  /** `served`: nothing is missing, so that readers get the blob, and it is left to them. */
  readonly outcome: "left" | "quarantined" | "served";
}

/** What the verdict on rows needs, and whom it tells. */
export interface RowVerifierOptions {
  readonly database: Database;
  readonly hashing: Hashing;
  readonly isQuarantining: boolean;
  /** Segments that one statement may read. */
  readonly segmentsPerRead: number;
  /** Told, and waited for, after each read; may throw to end it. */
  onRead(bytes: number, segments: number): Promise<void>;
  onBad(row: BadRow): void;
}

/**
 * Verifies one row, or the row of a key whose bytes could not be read with others. What was changed
 * meanwhile is verified anew: only what is bad as it stands is told.
 */
export function createRowVerifier(
  options: RowVerifierOptions,
): (row: RowToVerify | Bytes) => Promise<void> {
  const { isQuarantining } = options;
  const inspector = createInspector(options);

  /** What is wrong with a row as it stands; null when nothing is, or it is gone. */
  async function findFault(given: RowToVerify | Bytes): Promise<Finding | null> {
    const key = "key" in given ? given.key : given;
    let row = "key" in given ? given : await inspector.read(given);
    for (;;) {
      if (row === null) return null;
      if (typeof row === "string") return { ...unread, key, why: `its row ${row}` };
      const finding: Finding | null = await inspector.inspect(row);
      if (finding === null) return null;
      const now = await inspector.read(key);
      if (isUnchanged(row, now)) return finding;
      row = now;
    }
  }

  return async (given) => {
    const key = "key" in given ? given.key : given;
    let finding = await findFault(given);
    for (let attempt = 1; finding !== null; attempt += 1) {
      const { why, isServed } = finding;
      const isToMove = isQuarantining && !isServed;
      const isMoved = isToMove && (await inspector.quarantine(finding));
      if (isMoved || !isToMove || attempt === attemptsMax) {
        const left = isServed ? "served" : "left";
        options.onBad({ key, why, outcome: isMoved ? "quarantined" : left });
        return;
      }
      finding = await findFault(key); // it changed at that very moment
    }
  };
}

// --- internal ---

/** How often a row that changes under the look at it is looked at. */
const attemptsMax = 5;

interface Finding extends Omit<Suspect, "id"> {
  readonly isServed: boolean;
}

const unread = { size: 0, upload: null, listing: [], badSegment: null, isServed: false } as const;

interface Inspector {
  /** The row as it is now; a text that says why it cannot be read; null: it is gone. */
  read(key: Bytes): Promise<RowToVerify | string | null>;
  /** What is wrong with a row and its segments; null when nothing is. */
  inspect(row: RowToVerify): Promise<Finding | null>;
  /** Moves a bad row out of the way, if it still is; gives whether it did. */
  quarantine(finding: Finding): Promise<boolean>;
}

function createInspector(options: RowVerifierOptions): Inspector {
  const { database, hashing, onRead, segmentsPerRead } = options;
  const { dialect } = database;
  const query: Query = async (text, params) => await database.query("read", text, params);
  const pace = createPace({ rowsAtFirst: segmentsPerRead, rowsMax: segmentsPerRead, dialect });

  /** Gives what damage to the database's disk did, as a text. */
  async function reading<T>(work: (rowsMax: number) => Promise<T>): Promise<T | string> {
    try {
      return await pace.step(work);
    } catch (error) {
      if (!dialect.isDamage(error)) throw error;
      return `cannot be read (${error instanceof Error ? error.message : String(error)})`;
    }
  }

  async function readPieces(upload: string, first: number, end: number) {
    const window = { upload, first, end };
    const pieces = await reading(async (rowsMax) => {
      return await readSegments(query, { ...window, end: Math.min(end, first + rowsMax) });
    });
    if (typeof pieces !== "string") return pieces;
    return await reading(async () => await readSegments(query, { ...window, end: first + 1 }));
  }

  async function inspectLarge(
    row: RowToVerify & { readonly upload: string },
  ): Promise<Finding | null> {
    const { upload } = row;
    const listing = await reading(async () => await listSegments(query, upload));
    if (typeof listing === "string") return { ...unread, ...row, why: `its segments ${listing}` };
    const fault = await faultOfSegments({ ...row, listing }, hashing, async (first, end) => {
      const pieces = await readPieces(upload, first, end);
      if (typeof pieces === "string") return pieces;
      let bytes = 0;
      for (const piece of pieces.values()) bytes += piece.length;
      await onRead(bytes, pieces.size);
      return pieces;
    });
    if (fault === null) return null;
    const { why, n: badSegment, isServed } = fault;
    const { key, size } = row;
    return { key, size, upload, listing, why, badSegment, isServed };
  }

  return {
    async quarantine(finding) {
      const suspect = { ...finding, id: Bun.randomUUIDv7() };
      return await pace.step(async () => await quarantine(database, hashing, suspect));
    },
    read: async (key) => await reading(async () => await readRowToVerify(query, key)),
    async inspect(row) {
      if (mayBeLarge(row)) return await inspectLarge(row);
      const why = await reading(async () => await faultOfRow(query, row, hashing));
      await onRead(row.bytes, 0);
      return why === null ? null : { ...unread, key: row.key, why };
    },
  };
}

function isUnchanged(a: RowToVerify, b: RowToVerify | string | null): boolean {
  if (b === null || typeof b === "string") return false;
  if (a.upload !== b.upload || a.size !== b.size || a.bytes !== b.bytes) return false;
  if (a.data === null || b.data === null) return a.data === b.data;
  return Buffer.compare(a.data, b.data) === 0;
}
