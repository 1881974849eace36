import { describe, expect, test } from "bun:test";

import { prefixOf, toBlobHash, toBlobKey } from "../../src/domain/blob-key.ts";
import type { BlobStore } from "../../src/domain/blob-store.ts";
import { toHex } from "../../src/domain/bytes.ts";
import { createCounters } from "../../src/domain/counters.ts";
import { RegistryError } from "../../src/domain/errors.ts";
import { limits } from "../../src/domain/limits.ts";
import { createRegistry } from "../../src/domain/registry.ts";
import { createHashing } from "../../src/hashing/blake3.ts";
import { codeRejectedBy } from "../support/error-code.ts";
import { utf8 } from "../support/form.ts";
import { createRecordingStore } from "../support/recording-store.ts";

const hashing = createHashing();
const data = utf8("a blob");
const hash = hashing.hash(data);
const unknown = toBlobHash(new Uint8Array(32));

function createScene(store: BlobStore = createRecordingStore(), blobBytesMax = 1_000) {
  const counters = createCounters();
  const cache = { peek: () => null };
  const options = { store, cache, hashing, counters, blobBytesMax };
  return { counters, registry: createRegistry(options) };
}

describe("put", () => {
  test("stores the bytes under their hash, without a copy", async () => {
    const store = createRecordingStore();
    const receipt = await createScene(store).registry.put(data);
    expect(receipt).toEqual({ hash, bytesTotal: data.length, created: true });
    expect(store.puts).toEqual([{ hash, data }]);
    expect(store.puts[0]?.data).toBe(data);
  });

  test("counts what is new and what was there", async () => {
    const { registry, counters } = createScene();
    await registry.put(data);
    const again = await registry.put(data);
    expect(again.created).toBe(false);
    expect(counters).toEqual({
      ...createCounters(),
      blobsCreated: 1,
      blobsKnown: 1,
      bytesReceived: 2 * data.length,
      bytesStored: data.length,
    });
  });

  test("fails as the store fails, and counts nothing", async () => {
    const answer = new RegistryError("storage_full", "full");
    const { registry, counters } = createScene(createRecordingStore({ answer }));
    expect(await registry.put(data).catch((error: unknown) => error)).toBe(answer);
    expect(counters).toEqual(createCounters());
  });

  test.each([data.length, 0])(
    "stores what hashes to what is expected (%d bytes)",
    async (length) => {
      const store = createRecordingStore();
      const bytes = data.subarray(0, length);
      const receipt = await createScene(store).registry.put(bytes, hashing.hash(bytes));
      expect(receipt.created).toBe(true);
      expect(store.puts).toEqual([{ hash: hashing.hash(bytes), data: bytes }]);
    },
  );

  test("refuses what does not, names both hashes and asks the store nothing", async () => {
    const store = createRecordingStore();
    const { registry, counters } = createScene(store);
    const failure = await registry.put(data, unknown).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(RegistryError);
    expect(failure).toHaveProperty("code", "hash_mismatch");
    for (const named of [hash, unknown]) {
      expect(failure).toHaveProperty("message", expect.stringContaining(toHex(named)));
    }
    expect(store.calls).toEqual([]);
    expect(counters).toEqual(createCounters());
  });

  test("stores in segments what is longer than a row, if it is what is expected", async () => {
    const bytes = new Uint8Array(limits.inlineBlobBytesMax + 1);
    const store = createRecordingStore();
    const { registry, counters } = createScene(store, bytes.length);
    expect(await codeRejectedBy(registry.put(bytes, unknown))).toBe("hash_mismatch");
    expect(store.commits).toEqual([]);
    expect(counters).toEqual(createCounters());
    const receipt = await registry.put(bytes, hashing.hash(bytes));
    expect(receipt).toEqual({ hash: hashing.hash(bytes), bytesTotal: bytes.length, created: true });
    expect(store.commits).toEqual([receipt.hash]);
    expect(store.calls.filter((call) => call === "abort")).toHaveLength(1);
  });

  test.each([1001, limits.inlineBlobBytesMax + 1])("refuses %d bytes of 1,000", async (length) => {
    const store = createRecordingStore();
    const { registry } = createScene(store);
    expect(await codeRejectedBy(registry.put(new Uint8Array(length)))).toBe("blob_too_large");
    expect(store.calls).toEqual([]);
  });

  test("does not believe in a store that says nothing", async () => {
    const store: BlobStore = { ...createRecordingStore(), putMany: async () => [] };
    const failure = createScene(store).registry.put(data);
    await expect(failure).rejects.toThrow("the store gave no receipt");
  });
});

describe.each(["get", "stat"] as const)("%s", (ask) => {
  test("gives a blob by its hash and by the first half of it", async () => {
    const { registry } = createScene();
    await registry.put(data);
    for (const key of [hash, toBlobKey(prefixOf(hash))]) {
      expect(await registry[ask](key)).toMatchObject({ hash, bytesTotal: data.length });
    }
  });

  test("gives null where there is no blob", async () => {
    expect(await createScene().registry[ask](unknown)).toBeNull();
  });

  test("fails when the store's answer for this blob is a failure", async () => {
    const answer = new RegistryError("corrupt_blob", "corrupt");
    const { registry } = createScene(createRecordingStore({ answer }));
    expect(await codeRejectedBy(registry[ask](hash))).toBe("corrupt_blob");
  });

  test("fails when the store fails", async () => {
    const before = async (): Promise<void> => {
      await Promise.reject(new RegistryError("database_unavailable", "down"));
    };
    const { registry } = createScene(createRecordingStore({ before }));
    expect(await codeRejectedBy(registry[ask](hash))).toBe("database_unavailable");
  });
});

describe("missing", () => {
  const other = hashing.hash(utf8("another"));

  test("tells of each key whether nothing is here, in their order, in one query", async () => {
    const store = createRecordingStore();
    const { registry } = createScene(store);
    await registry.put(data);
    store.calls.length = 0;
    const keys = [other, hash, unknown, toBlobKey(prefixOf(hash)), other];
    expect(await registry.missing(keys)).toEqual([true, false, true, false, true]);
    expect(store.calls).toEqual(["statMany", "statMany done"]);
    expect(await registry.missing([])).toEqual([]);
  });

  test("takes bad bytes for none", async () => {
    const answer = new RegistryError("corrupt_blob", "corrupt");
    const { registry } = createScene(createRecordingStore({ answer }));
    expect(await registry.missing([hash, other])).toEqual([true, true]);
  });

  test("takes no other failure for an absence", async () => {
    const answer = new RegistryError("database_timeout", "late");
    const { registry } = createScene(createRecordingStore({ answer }));
    expect(await codeRejectedBy(registry.missing([hash]))).toBe("database_timeout");
    const before = async (): Promise<void> => await Promise.reject(answer);
    const scene = createScene(createRecordingStore({ before }));
    expect(await codeRejectedBy(scene.registry.missing([hash]))).toBe("database_timeout");
  });
});

test("stat asks the store for no bytes", async () => {
  const store = createRecordingStore();
  await createScene(store).registry.stat(hash);
  expect(store.calls).toEqual(["statMany", "statMany done"]);
});

test("openRead asks the store for the same range", async () => {
  const store = createRecordingStore();
  const { registry } = createScene(store);
  expect(await registry.openRead(hash, { first: 1, last: 2 })).toBeNull();
  await registry.openRead(hash);
  expect(store.ranges).toEqual([{ first: 1, last: 2 }, undefined]);
});

test("receive makes receivers that do not share anything", async () => {
  const { registry } = createScene();
  const [one, other] = [registry.receive(), registry.receive()];
  one.take(data);
  other.take(utf8("another"));
  expect((await one.finish()).hash).toEqual(hash);
  expect((await other.finish()).hash).toEqual(hashing.hash(utf8("another")));
});
