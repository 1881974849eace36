import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import fc from "fast-check";
import type { BlobStore, NewBlob } from "../../src/domain/blob-store.ts";
import { bytesEqual, toHex } from "../../src/domain/bytes.ts";
import { createCounters } from "../../src/domain/counters.ts";
import type { Database } from "../../src/storage/database.ts";
import { retireOrphans } from "../../src/storage/orphans.ts";
import { rekey } from "../../src/storage/rekey.ts";
import { createSqlBlobStore } from "../../src/storage/sql-blob-store.ts";
import { verified } from "../../src/storage/verified.ts";
import {
  bytesOf,
  hashing,
  type LargeBlob,
  randomBlob,
  randomLargeBlob,
  shortKey,
  uploadLarge,
} from "../support/blobs.ts";
import { insertRow } from "../support/damage.ts";
import { largeDamages, smallDamages } from "../support/damages.ts";
import { databaseKinds, type OwnDatabase } from "../support/databases.ts";
import { runVerify } from "../support/verification.ts";

const tables = ["blobs", "blob_segments", "uploads", "quarantined_blobs"];

describe.each(databaseKinds.filter(({ isHere }) => isHere))("in $name", ({ open }) => {
  let own: OwnDatabase;
  let database: Database;
  let store: BlobStore;
  beforeAll(async () => {
    own = await open();
    ({ database } = own);
    store = verified(createSqlBlobStore(database), { hashing, counters: createCounters() });
  });
  afterAll(async () => await own.remove());

  const read = async ({ hash }: NewBlob | LargeBlob) => await bytesOf(await store.openRead(hash));

  async function upload(blob: NewBlob | LargeBlob) {
    if ("segments" in blob) await uploadLarge(store, blob);
    else await store.putMany([blob]);
  }

  const actions = [
    "upload",
    "old upload",
    "read",
    "rekey",
    "verify",
    "quarantine",
    "sweep",
  ] as const;
  const plan = fc.array(fc.tuple(fc.constantFrom(...actions), fc.nat(7)), {
    minLength: 20,
    maxLength: 50,
  });

  it("verify calls nothing bad and moves nothing while blobs are stored and rekeyed", async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (steps) => {
        const small = [20, 900, 3000, 5000, 70_000, 90].map((size) => randomBlob(size));
        const blobs = [...small, randomLargeBlob(), randomLargeBlob()];
        const there = new Set<NewBlob | LargeBlob>();
        const act = async ([action, n]: (typeof steps)[number]) => {
          const blob = blobs[n] ?? randomBlob(1);
          if (action === "upload") {
            await upload(blob);
            there.add(blob);
          } else if (action === "old upload" && !("segments" in blob)) {
            const isKnown = await database.query("read", "SELECT 1 FROM blobs WHERE hash = $1", [
              shortKey(blob.hash),
            ]);
            if (isKnown.length === 0) {
              await insertRow(database, shortKey(blob.hash), blob).catch(() => {});
            }
          } else if (action === "read" && there.has(blob)) {
            expect(bytesEqual(await read(blob), blob.data)).toBe(true);
          } else if (action === "rekey") {
            await rekey(database, { hashing, onBad: () => {}, onProgress: () => {} });
          } else if (action === "sweep") {
            expect((await retireOrphans(database, null, 100)).orphans).toEqual([]);
          } else {
            const { told, report } = await runVerify(database, {
              isQuarantining: action === "quarantine",
            });
            expect({ told, orphans: report.orphans?.uploads }).toEqual({ told: [], orphans: 0 });
          }
        };
        // Four at once, each its own steps one after the other.
        await Promise.all(
          [0, 1, 2, 3].map(async (actor) => {
            for (const [n, step] of steps.entries()) if (n % 4 === actor) await act(step);
          }),
        );
        for (const blob of there) expect(bytesEqual(await read(blob), blob.data)).toBe(true);
        for (const table of tables) await database.query("write", `DELETE FROM ${table}`);
      }),
      { numRuns: 12 },
    );
  });

  it("quarantine and repairs at once leave every blob that is uploaded whole", async () => {
    for (let round = 0; round < 4; round += 1) {
      const damages = [...smallDamages, ...largeDamages];
      const blobs = damages.map((_, n) =>
        n < smallDamages.length ? randomBlob(4000) : randomLargeBlob(),
      );
      for (const blob of blobs) await upload(blob);
      for (const [n, { do: damage }] of damages.entries()) {
        await damage(database, blobs[n] as NewBlob & LargeBlob);
      }
      const verifying = [1, 2].map(async () => await runVerify(database, { isQuarantining: true }));
      const uploading = blobs.map(async (blob) => {
        // What an uploader does whose blob was taken away under its upload.
        for (;;) {
          const error = await upload(blob).catch((thrown: unknown) => thrown);
          if (error === undefined) return;
          expect(error).toHaveProperty("code", "upload_expired");
        }
      });
      const runs = await Promise.all(verifying);
      await Promise.all(uploading);
      const moved = runs.flatMap(({ bad }) => bad.filter((row) => row.outcome === "quarantined"));
      expect(new Set(moved.map(({ key }) => toHex(key))).size).toBe(moved.length);
      for (const blob of blobs) expect(bytesEqual(await read(blob), blob.data)).toBe(true);
      expect((await runVerify(database)).told).toEqual([]);
      for (const table of tables) await database.query("write", `DELETE FROM ${table}`);
    }
  });
});
