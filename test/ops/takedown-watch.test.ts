import { afterAll, afterEach, beforeAll, describe, expect, it } from "bun:test";
import type { BlobKey } from "../../src/domain/blob-key.ts";
import { toHex } from "../../src/domain/bytes.ts";
import { createDeniedKeys, type DeniedKeys } from "../../src/domain/denied-keys.ts";
import { RegistryError } from "../../src/domain/errors.ts";
import { createLog } from "../../src/ops/log.ts";
import {
  watchTakedowns,
  type TakedownWatch,
  type TakedownWatchOptions,
} from "../../src/ops/takedown-watch.ts";
import type { Database } from "../../src/storage/database.ts";
import { liftTakedown, takeDown } from "../../src/storage/takedowns.ts";
import { hashing, randomBlob, shortKey } from "../support/blobs.ts";
import { insertRow, rowsOf } from "../support/damage.ts";
import { twoKinds, type OwnDatabase } from "../support/databases.ts";
import { eventually } from "../support/registry.ts";

interface Watched {
  readonly watch: TakedownWatch;
  readonly denied: DeniedKeys;
  readonly forgotten: string[];
  readonly messages: string[];
}

for (const kind of twoKinds) {
  describe.skipIf(!kind.isHere)(`watching takedowns in ${kind.name}`, () => {
    let own: OwnDatabase;
    let database: Database;
    let watches: TakedownWatch[] = [];
    beforeAll(async () => {
      own = await kind.open();
      database = own.database;
    });
    afterEach(async () => {
      await Promise.all(watches.map((watch) => watch.stop()));
      watches = [];
    });
    afterAll(async () => await own.remove());

    /** By default one that looks when it is told to. */
    function watched(changes: Partial<TakedownWatchOptions> = {}): Watched {
      const denied = createDeniedKeys();
      const [forgotten, messages]: string[][] = [[], []];
      const watch = watchTakedowns({
        database,
        hashing,
        denied,
        forget: (key) => forgotten?.push(toHex(key)),
        mayRemove: true,
        writeMsMax: 0,
        log: createLog({
          level: "debug",
          format: "json",
          write: (line) => messages?.push((JSON.parse(line) as { message: string }).message),
        }),
        lookEveryMs: 3_600_000,
        ...changes,
      });
      watches.push(watch);
      return { watch, denied, forgotten: forgotten ?? [], messages: messages ?? [] };
    }

    async function takenDown(): Promise<BlobKey> {
      const { hash } = randomBlob(10);
      await takeDown(database, hashing, hash);
      return hash;
    }

    it("knows all before it has begun, and what is lifted not", async () => {
      const [kept, lifted] = [await takenDown(), await takenDown()];
      await liftTakedown(database, lifted);
      const { watch, denied } = watched();
      await watch.begin();
      expect([denied.denies(kept), denied.denies(lifted)]).toEqual([true, false]);
    });

    it("hears of more by itself, forgets it, and of what is lifted", async () => {
      const { watch, denied, forgotten } = watched({ lookEveryMs: 20 });
      await watch.begin();
      const hash = await takenDown();
      await eventually(() => denied.denies(shortKey(hash)));
      expect(forgotten).toContain(toHex(hash));
      await liftTakedown(database, shortKey(hash));
      await eventually(() => !denied.denies(hash));
    });

    it("looks at once when it is told to, and forgets nothing twice", async () => {
      const { watch, denied, forgotten } = watched();
      await watch.begin();
      const hash = await takenDown();
      expect(denied.denies(hash)).toBe(false);
      await Promise.all([watch.look(), watch.look()]);
      await watch.look();
      expect(denied.denies(hash)).toBe(true);
      expect(forgotten.filter((digits) => digits === toHex(hash))).toHaveLength(1);
    });

    it("removes what a registry stored that had not heard of it, also what came late", async () => {
      const [early, late] = [randomBlob(10), randomBlob(10)];
      const { watch, messages } = watched({ writeMsMax: 200 });
      await watch.begin();
      await watch.look(); // the first, of the beginning, is over
      for (const { hash } of [early, late]) await takeDown(database, hashing, hash);
      await insertRow(database, shortKey(early.hash), early);
      await watch.look();
      expect(await rowsOf(database, early.hash)).toEqual([]);
      await insertRow(database, late.hash, late); // committed only now
      await eventually(async () => {
        await watch.look();
        return (await rowsOf(database, late.hash)).length === 0;
      });
      expect(messages).toContain("stored bytes of taken-down keys removed");
    });

    it("removes what was brought back while nobody looked, but for what was lifted", async () => {
      const [back, lifted] = [randomBlob(10), randomBlob(10)];
      for (const blob of [back, lifted]) {
        await takeDown(database, hashing, blob.hash);
        await insertRow(database, blob.hash, blob);
      }
      await liftTakedown(database, lifted.hash);
      const { watch } = watched();
      await watch.begin();
      await eventually(async () => (await rowsOf(database, back.hash)).length === 0);
      expect(await rowsOf(database, lifted.hash)).toHaveLength(1);
    });

    it("removes nothing where it may not", async () => {
      const blob = randomBlob(10);
      await takeDown(database, hashing, blob.hash);
      await insertRow(database, blob.hash, blob);
      const { watch, denied } = watched({ mayRemove: false });
      await watch.begin();
      await watch.look();
      expect([denied.denies(blob.hash), (await rowsOf(database, blob.hash)).length]).toEqual([
        true,
        1,
      ]);
    });

    it("goes on with what it knows while nothing can be read, and says so once", async () => {
      let isOut = false;
      const query: Database["query"] = async (...call) => {
        if (isOut) throw new RegistryError("database_unavailable", "out");
        return await database.query(...call);
      };
      const { watch, denied, messages } = watched({ database: { ...database, query } });
      const known = await takenDown();
      await watch.begin();
      await watch.look();
      const hash = await takenDown();
      isOut = true;
      const before = watch.ageMs();
      await watch.look();
      await watch.look();
      expect(watch.ageMs()).toBeGreaterThan(before);
      expect([denied.denies(known), denied.denies(hash)]).toEqual([true, false]);
      isOut = false;
      await watch.look();
      expect(denied.denies(hash)).toBe(true);
      expect(messages.filter((message) => message.includes("taken down"))).toEqual([
        "what has been taken down cannot be read; going on with what is known",
        "what has been taken down can be read again",
      ]);
    });

    it("does not begin where nothing can be read", async () => {
      const query: Database["query"] = async () => {
        throw new RegistryError("database_unavailable", "out");
      };
      const { watch } = watched({ database: { ...database, query } });
      await expect(watch.begin()).rejects.toThrow("out");
    });

    it("hears of what got a number that it had seen already, after a failover", async () => {
      const { watch, denied } = watched();
      const lost = await takenDown();
      await watch.begin();
      await database.transaction("write", async (run) => {
        await run("DELETE FROM takedowns WHERE hash = $1", [lost]);
        await run("UPDATE takedown_changes SET latest = latest - 1");
      });
      const hash = await takenDown();
      await watch.look();
      expect(denied.denies(hash)).toBe(true);
    });
  });
}
