import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import type { BlobStore, NewBlob } from "../../src/domain/blob-store.ts";
import { bytesEqual, toHex } from "../../src/domain/bytes.ts";
import { createCounters } from "../../src/domain/counters.ts";
import type { Database } from "../../src/storage/database.ts";
import { quarantine, type Suspect } from "../../src/storage/quarantine.ts";
import { createSqlBlobStore } from "../../src/storage/sql-blob-store.ts";
import { verified } from "../../src/storage/verified.ts";
import { listSegments } from "../../src/storage/verify-segments.ts";
import {
  bytesOf,
  hashing,
  type LargeBlob,
  randomBlob,
  randomLargeBlob,
  uploadLarge,
} from "../support/blobs.ts";
import { flipped, overwriteRow, rowsOf, uploadOf } from "../support/damage.ts";
import { swapSegments } from "../support/damages.ts";
import { databaseKinds, type OwnDatabase } from "../support/databases.ts";
import { quarantinedKeys } from "../support/verification.ts";

describe.each(databaseKinds.filter(({ isHere }) => isHere))("quarantine in $name", ({ open }) => {
  let own: OwnDatabase;
  let database: Database;
  let store: BlobStore;
  beforeAll(async () => {
    own = await open();
    ({ database } = own);
    store = verified(createSqlBlobStore(database), { hashing, counters: createCounters() });
  });
  afterAll(async () => await own.remove());

  const query = async (...[text, params]: Parameters<Parameters<typeof listSegments>[0]>) =>
    await database.query("read", text, params);

  /** A row as it was when somebody found it bad. */
  async function suspectOf({ hash, data }: NewBlob | LargeBlob): Promise<Suspect> {
    const [row] = await rowsOf(database, hash);
    const upload = row?.["upload"] === null ? null : String(row?.["upload"]);
    const listing = upload === null ? [] : await listSegments(query, upload);
    const found = { key: hash, why: "as a test says", size: data.length, badSegment: null };
    return { ...found, id: Bun.randomUUIDv7(), upload, listing };
  }

  async function storedBad(): Promise<NewBlob> {
    const blob = randomBlob(3000);
    await store.putMany([blob]);
    await overwriteRow(database, blob.hash, flipped(blob.data));
    return blob;
  }

  async function storedSwapped(): Promise<LargeBlob> {
    const blob = randomLargeBlob();
    await uploadLarge(store, blob);
    await swapSegments(database, await uploadOf(database, blob.hash));
    return blob;
  }

  it("keeps all of a row: what it held, when, and why it was moved", async () => {
    const blob = await storedBad();
    const columns = "hash, data, size, created_at, upload";
    const [before] = await query(`SELECT ${columns} FROM blobs WHERE hash = $1`, [blob.hash]);
    expect(await quarantine(database, hashing, await suspectOf(blob))).toBe(true);
    const from = "FROM quarantined_blobs WHERE hash = $1";
    expect([...(await query(`SELECT ${columns} ${from}`, [blob.hash]))]).toEqual([before ?? {}]);
    expect([...(await query(`SELECT why ${from}`, [blob.hash]))]).toEqual([
      { why: "as a test says" },
    ]);
    expect(await rowsOf(database, blob.hash)).toEqual([]);
  });

  it("keeps the segments of a large blob, which are no orphans", async () => {
    const blob = await storedSwapped();
    const upload = await uploadOf(database, blob.hash);
    const before = await listSegments(query, upload);
    expect(await quarantine(database, hashing, await suspectOf(blob))).toBe(true);
    expect(await listSegments(query, upload)).toEqual(before);
    const from = "FROM quarantined_blobs WHERE hash = $1";
    expect([...(await query(`SELECT upload ${from}`, [blob.hash]))]).toEqual([{ upload }]);
  });

  it("is undone by the statements of docs/integrity.md", async () => {
    const blob = await storedSwapped();
    const suspect = await suspectOf(blob);
    expect(await quarantine(database, hashing, suspect)).toBe(true);
    await swapSegments(database, String(suspect.upload));
    const guide = await Bun.file(`${import.meta.dir}/../../docs/integrity.md`).text();
    const [, back = ""] = /```sql\nBEGIN;\n(.*?)COMMIT;\n```/s.exec(guide) ?? [];
    await database.transaction("write", async (run) => {
      for (const text of back.split(";\n").filter(Boolean)) {
        await run(text.replace("'ID'", `'${suspect.id}'`));
      }
    });
    expect(bytesEqual(await bytesOf(await store.openRead(blob.hash)), blob.data)).toBe(true);
    expect(await quarantinedKeys(database)).not.toContain(toHex(blob.hash));
  });

  it("takes the same key more than once", async () => {
    const blob = await storedBad();
    expect(await quarantine(database, hashing, await suspectOf(blob))).toBe(true);
    await store.putMany([blob]);
    await overwriteRow(database, blob.hash, flipped(blob.data));
    expect(await quarantine(database, hashing, await suspectOf(blob))).toBe(true);
    const hex = toHex(blob.hash);
    expect((await quarantinedKeys(database)).filter((key) => key === hex)).toHaveLength(2);
  });

  it("leaves what was healed, replaced or removed since it was found", async () => {
    const [healed, removed, large] = [await storedBad(), await storedBad(), await storedSwapped()];
    const restored = await storedSwapped();
    const blobs = [healed, removed, large, restored];
    const suspects = await Promise.all(blobs.map(suspectOf));
    await store.putMany([healed]);
    await database.query("write", "DELETE FROM blobs WHERE hash = $1", [removed.hash]);
    await uploadLarge(store, large);
    await swapSegments(database, await uploadOf(database, restored.hash));
    for (const suspect of suspects) {
      expect(await quarantine(database, hashing, suspect)).toBe(false);
    }
    expect(await store.readMany([healed.hash])).toMatchObject([{ hash: healed.hash }]);
    for (const { hash, data } of [large, restored]) {
      expect(bytesEqual(await bytesOf(await store.openRead(hash)), data)).toBe(true);
    }
  });

  it("looks again at the segment that was bad, and at that alone", async () => {
    const blob = randomLargeBlob();
    await uploadLarge(store, blob);
    const suspect = { ...(await suspectOf(blob)), badSegment: 1 };
    expect(await quarantine(database, hashing, suspect)).toBe(false);
    const text = "UPDATE blob_segments SET data = $2 WHERE upload = $1 AND n = 1";
    const bad = flipped(blob.data.slice(1 << 20, 2 << 20));
    await database.query("write", text, [await uploadOf(database, blob.hash), bad]);
    expect(await quarantine(database, hashing, { ...suspect, badSegment: 0 })).toBe(false);
    expect(await quarantine(database, hashing, suspect)).toBe(true);
  });

  it("and an upload of the blob at the same moment leave it stored and good", async () => {
    const outcomes = new Set<string>();
    for (let round = 0; round < 30; round += 1) {
      const blob = await storedBad();
      const suspect = await suspectOf(blob);
      const move = async () => await quarantine(database, hashing, suspect);
      const upload = async () => await store.putMany([blob]);
      const [first, second] = round % 2 === 0 ? [move, upload] : [upload, move];
      outcomes.add(JSON.stringify(await Promise.all([first(), second()])));
      expect(await store.readMany([blob.hash])).toMatchObject([{ hash: blob.hash }]);
      expect(await rowsOf(database, blob.hash)).toHaveLength(1);
    }
    expect(outcomes.size).toBeGreaterThan(1);
  });

  it("by several at the same time moves a row once", async () => {
    const blob = await storedBad();
    const suspects = await Promise.all([blob, blob, blob].map(suspectOf));
    const all = suspects.map(async (suspect) => await quarantine(database, hashing, suspect));
    expect((await Promise.all(all)).filter(Boolean)).toHaveLength(1);
  });
});
