import { afterAll, beforeAll, beforeEach, describe, expect, it } from "bun:test";
import type { BlobKey } from "../../src/domain/blob-key.ts";
import type { BlobStore } from "../../src/domain/blob-store.ts";
import { bytesEqual, toHex, type Bytes } from "../../src/domain/bytes.ts";
import { createCounters } from "../../src/domain/counters.ts";
import { limits } from "../../src/domain/limits.ts";
import type { Database } from "../../src/storage/database.ts";
import { createSqlBlobStore } from "../../src/storage/sql-blob-store.ts";
import { verified } from "../../src/storage/verified.ts";
import {
  bytesOf,
  hashing,
  randomBlob,
  randomLargeBlob,
  shortKey,
  uploadLarge,
} from "../support/blobs.ts";
import { flipped, insertRow, overwriteRow, rowsOf, uploadOf } from "../support/damage.ts";
import { largeDamages, smallDamages } from "../support/damages.ts";
import { databaseKinds, type OwnDatabase } from "../support/databases.ts";
import { quarantinedKeys, runVerify } from "../support/verification.ts";

const kinds = databaseKinds.filter(({ isHere }) => isHere);
const tables = ["blobs", "blob_segments", "uploads", "quarantined_blobs"];

describe.each(kinds)("verifying $name", ({ open }) => {
  let own: OwnDatabase;
  let database: Database;
  let store: BlobStore;
  beforeAll(async () => {
    own = await open();
    ({ database } = own);
    store = verified(createSqlBlobStore(database), { hashing, counters: createCounters() });
  });
  afterAll(async () => await own.remove());
  beforeEach(async () => {
    for (const table of tables) await database.query("write", `DELETE FROM ${table}`);
  });

  async function expectReadable(key: BlobKey, data: Bytes) {
    expect(bytesEqual(await bytesOf(await store.openRead(key)), data)).toBe(true);
  }

  const good = { bad: 0, quarantined: 0, orphans: { uploads: 0, segments: 0 }, stoppedAt: null };

  it("finds an empty database good", async () => {
    const { report, bad } = await runVerify(database);
    expect({ report, bad }).toEqual({
      report: { rows: 0, segments: 0, bytes: 0, ...good },
      bad: [],
    });
  });

  it("hashes all rows, of either length of key, and all segments", async () => {
    const small = [0, 1, 600, limits.inlineBlobBytesMax].map((size) => randomBlob(size));
    await store.putMany(small);
    const short = randomBlob(333);
    await insertRow(database, shortKey(short.hash), short);
    const [three, nine] = [randomLargeBlob(), randomLargeBlob(9 * limits.segmentBytes)];
    for (const blob of [three, nine]) await uploadLarge(store, blob);
    const bytes = [...small, short, three, nine].reduce((sum, { data }) => sum + data.length, 0);
    for (const bytesPerSecond of [64 * 1024 ** 3, 300 * 1024 ** 2]) {
      const { report, bad, parts } = await runVerify(database, { bytesPerSecond });
      expect({ report, bad }).toEqual({
        report: { rows: 7, segments: 12, bytes, ...good },
        bad: [],
      });
      expect(parts).toEqual(parts.toSorted((a, b) => a - b));
    }
  });

  it("goes through more rows than it reads at once", async () => {
    const blobs = Array.from({ length: 3000 }, (_, n) => randomBlob(20 + (n % 50)));
    for (let at = 0; at < 3000; at += 100) await store.putMany(blobs.slice(at, at + 100));
    const bad = blobs.filter((_, n) => n % 300 === 7);
    for (const { hash, data } of bad) await overwriteRow(database, hash, flipped(data));
    const { report, bad: found } = await runVerify(database);
    expect(report).toMatchObject({ rows: 3000, bad: 10 });
    expect(found.map(({ key }) => toHex(key))).toEqual(
      bad.map(({ hash }) => toHex(hash)).toSorted(),
    );
  });

  describe.each([...smallDamages])("a small blob with $name", (damage) => {
    it("is told, and healed by an upload", async () => {
      const [blob, other] = [randomBlob(4000), randomBlob(10)];
      await store.putMany([blob, other]);
      await damage.do(database, blob);
      const { bad } = await runVerify(database);
      expect(bad.length).toBeGreaterThan(0);
      for (const row of bad) {
        expect(bytesEqual(row.key.subarray(0, 16), shortKey(blob.hash))).toBe(true);
        expect(row).toMatchObject({ why: expect.stringMatching(damage.why), outcome: "left" });
      }
      expect(await store.putMany([blob])).toEqual([{ created: false }]);
      await expectReadable(blob.hash, blob.data);
      await expectReadable(shortKey(blob.hash), blob.data);
      expect((await runVerify(database)).told).toEqual([]);
    });

    it("is moved into quarantine, and then stored anew", async () => {
      const [blob, other] = [randomBlob(4000), randomBlob(10)];
      await store.putMany([blob, other]);
      await damage.do(database, blob);
      const { report, bad } = await runVerify(database, { isQuarantining: true });
      expect(report.quarantined).toBe(bad.length);
      expect(await quarantinedKeys(database)).toEqual(bad.map(({ key }) => toHex(key)));
      expect(await store.readMany([blob.hash, shortKey(blob.hash)])).toEqual([null, null]);
      expect(await store.putMany([blob])).toEqual([{ created: true }]);
      await expectReadable(shortKey(blob.hash), blob.data);
      await expectReadable(other.hash, other.data);
      expect((await runVerify(database)).report).toMatchObject({ rows: 2, ...good });
    });
  });

  describe.each([...largeDamages])("a large blob with $name", (damage) => {
    it("is told, and healed by an upload", async () => {
      const blob = randomLargeBlob();
      await uploadLarge(store, blob);
      await damage.do(database, blob);
      const { bad } = await runVerify(database);
      expect(bad.map(({ key }) => toHex(key))).toEqual([toHex(blob.hash)]);
      expect(bad[0]?.why).toMatch(damage.why);
      expect(bad[0]?.outcome).toBe(damage.isServed === true ? "served" : "left");
      expect(await uploadLarge(store, blob)).toBe(false);
      await expectReadable(blob.hash, blob.data);
      expect((await runVerify(database)).told).toEqual([]);
    });

    it("is moved into quarantine unless it is served, and then stored anew", async () => {
      const blob = randomLargeBlob();
      await uploadLarge(store, blob);
      const upload = await uploadOf(database, blob.hash);
      await damage.do(database, blob);
      const { report } = await runVerify(database, { isQuarantining: true });
      const isServed = damage.isServed === true;
      expect(report).toMatchObject({ bad: 1, quarantined: isServed ? 0 : 1 });
      expect(await quarantinedKeys(database)).toEqual(isServed ? [] : [toHex(blob.hash)]);
      if (isServed) return await expectReadable(blob.hash, blob.data);
      expect(await store.statMany([blob.hash])).toEqual([null]);
      expect(await uploadLarge(store, blob)).toBe(true);
      await expectReadable(blob.hash, blob.data);
      expect(await uploadOf(database, blob.hash)).not.toBe(upload);
      const after = await runVerify(database);
      expect(after.report).toMatchObject({ rows: 1, ...good });
    });
  });

  it("tells a bad 16-byte row beside a good one, and takes that alone out of the way", async () => {
    const blob = randomBlob(50);
    await store.putMany([blob]);
    await insertRow(database, shortKey(blob.hash), { data: flipped(blob.data) });
    const { bad } = await runVerify(database, { isQuarantining: true });
    expect(bad.map(({ key }) => toHex(key))).toEqual([toHex(shortKey(blob.hash))]);
    expect(await rowsOf(database, blob.hash)).toHaveLength(1);
    await expectReadable(shortKey(blob.hash), blob.data);
  });

  it("tells rows that nobody can ask for, and large ones under 16 bytes", async () => {
    const blob = randomBlob(50);
    for (const length of [0, 15, 33]) {
      const key = new Uint8Array(Buffer.alloc(length, blob.hash));
      await insertRow(database, key as BlobKey, blob);
    }
    const large = randomLargeBlob();
    await uploadLarge(store, large);
    const shorten = "UPDATE blobs SET hash = $2 WHERE hash = $1";
    await database.query("write", shorten, [large.hash, shortKey(large.hash)]);
    const { bad, report } = await runVerify(database, { isQuarantining: true });
    expect(bad.map(({ why }) => why).toSorted()).toEqual([
      "its bytes are in segments, not in the row",
      "its key has 0 bytes, which no blob's has",
      "its key has 15 bytes, which no blob's has",
      "its key has 33 bytes, which no blob's has",
    ]);
    expect(report).toMatchObject({ bad: 4, quarantined: 4 });
    expect((await runVerify(database)).report).toMatchObject({ rows: 0, ...good });
  });

  it("hashes a row that holds more than a registry would put there", async () => {
    const [right, wrong] = [randomBlob(5_000_000), randomBlob(5_000_000)];
    await insertRow(database, right.hash, right);
    await insertRow(database, wrong.hash, { data: flipped(wrong.data) });
    const { report, bad } = await runVerify(database);
    expect(report).toMatchObject({ rows: 2, bytes: 10_000_000, bad: 1 });
    expect(bad.map(({ key }) => toHex(key))).toEqual([toHex(wrong.hash)]);
  });

  it("counts segments that nobody has, and none of an upload under way", async () => {
    const [lost, whole] = [randomLargeBlob(), randomLargeBlob()];
    for (const blob of [lost, whole]) await uploadLarge(store, blob);
    const upload = await store.beginUpload();
    await upload.append(randomBlob(10));
    await database.query("write", "DELETE FROM blobs WHERE hash = $1", [lost.hash]);
    const { report } = await runVerify(database);
    expect(report).toMatchObject({ bad: 0, orphans: { uploads: 1, segments: 3 } });
    await upload.abort();
  });

  it("stops when it is told to, and goes on where it was", async () => {
    const blobs = Array.from({ length: 40 }, () => randomBlob(30));
    await store.putMany(blobs);
    const large = randomLargeBlob(9 * limits.segmentBytes);
    await uploadLarge(store, large);
    const bad = new Set<string>();
    for (const { hash, data } of blobs) await overwriteRow(database, hash, flipped(data));
    const stopping = { atBad: 0 };
    let from: Bytes | null = null;
    let [runs, rows] = [0, 0];
    for (;;) {
      const ending = new AbortController();
      stopping.atBad = 0;
      const { report } = await runVerify(database, {
        from,
        signal: ending.signal,
        onBad({ key }) {
          bad.add(toHex(key));
          stopping.atBad += 1;
          if (stopping.atBad === 7) ending.abort();
        },
      });
      runs += 1;
      rows += report.rows;
      from = report.stoppedAt;
      if (from === null) break;
    }
    expect(bad).toEqual(new Set(blobs.map(({ hash }) => toHex(hash))));
    expect(runs).toBeGreaterThan(4);
    expect(rows).toBeGreaterThanOrEqual(41);
  });
});
