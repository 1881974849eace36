import { describe, expect, test } from "bun:test";

import { toHex, type Bytes } from "../../src/domain/bytes.ts";
import { createCounters } from "../../src/domain/counters.ts";
import { RegistryError } from "../../src/domain/errors.ts";
import { limits } from "../../src/domain/limits.ts";
import { createRegistry } from "../../src/domain/registry.ts";
import { codeRejectedBy, codeThrownBy } from "../support/error-code.ts";
import { cutBytes } from "../support/form.ts";
import { createRecordingHashing } from "../support/recording-hashing.ts";
import { createRecordingStore } from "../support/recording-store.ts";

const mebibyte = 1_048_576;
const hashing = createRecordingHashing();
const cache = { peek: () => null };

/** A receiver and everything it touches. */
interface SceneOptions {
  readonly blobBytesMax?: number;
  before?(call: string): Promise<void>;
}

function createScene(options: SceneOptions) {
  const { blobBytesMax = 16 * mebibyte, ...storeOptions } = options;
  const store = createRecordingStore(storeOptions);
  const recording = createRecordingHashing();
  const counters = createCounters();
  const registry = createRegistry({ store, cache, hashing: recording, counters, blobBytesMax });
  return { store, hashers: recording.hashers, counters, receiver: registry.receive() };
}

/** Bytes of which no two stretches of a segment's length are alike. */
function bytesOf(length: number): Bytes {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 16)) & 255);
}

function failing(call: string, code: "database_timeout" | "storage_full" = "storage_full") {
  return async (asked: string): Promise<void> => {
    if (asked === call) throw new RegistryError(code, `${call} fails`);
    await Promise.resolve();
  };
}

/** Lets everything run that waits for nothing outside. */
async function settle(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}

describe("what is lent", () => {
  test.each([1, 3])("of a small blob in %d pieces may be overwritten once taken", async (count) => {
    const { store, receiver } = createScene({});
    const data = bytesOf(300);
    for (const piece of cutBytes(
      data,
      Array.from({ length: count }, () => 300 / count),
    )) {
      const lent = piece.slice();
      receiver.take(lent);
      lent.fill(0);
    }
    await receiver.finish();
    expect(store.puts).toMatchObject([{ data, hash: hashing.hash(data) }]);
  });

  test("of a large blob may be overwritten once taken", async () => {
    const { store, receiver } = createScene({});
    const data = bytesOf(3 * mebibyte + 1);
    for (const piece of cutBytes(data, [700_001, 700_001, 700_001])) {
      const lent = piece.slice();
      receiver.take(lent);
      lent.fill(0);
      await receiver.drained();
    }
    expect((await receiver.finish()).hash).toEqual(hashing.hash(data));
    expect(Buffer.concat(store.segments.map((segment) => segment.data))).toEqual(Buffer.from(data));
  });
});

describe("a small blob", () => {
  test.each([0, 1, 2 * mebibyte])("of %d bytes is one put", async (length) => {
    const { store, receiver, hashers } = createScene({});
    const data = bytesOf(length);
    receiver.take(data);
    await receiver.drained();
    const receipt = await receiver.finish();
    expect(receipt).toEqual({ hash: hashing.hash(data), bytesTotal: length, created: true });
    expect(store.calls).toEqual(["putMany", "putMany done"]);
    expect(hashers.made).toBe(0);
  });

  test("that nothing was taken of is the empty blob", async () => {
    const { receiver } = createScene({});
    const { hash, bytesTotal } = await receiver.finish();
    expect(bytesTotal).toBe(0);
    expect(toHex(hash)).toStartWith("af1349b9f5f9a1a6");
  });

  test("that came in pieces is put whole", async () => {
    const { store, receiver } = createScene({});
    const data = bytesOf(1_000);
    for (const piece of cutBytes(data, [1, 0, 500])) {
      receiver.take(piece);
      await receiver.drained();
    }
    await receiver.finish();
    expect(store.puts[0]?.data).toEqual(data);
  });

  test("that the store refuses is refused with the same error", async () => {
    const { receiver, counters } = createScene({ before: failing("putMany") });
    receiver.take(bytesOf(10));
    expect(await codeRejectedBy(receiver.finish())).toBe("storage_full");
    expect(counters).toEqual(createCounters());
  });

  test("that is given up was never in the store", async () => {
    const { store, receiver } = createScene({});
    receiver.take(bytesOf(10));
    await receiver.abort();
    expect(store.calls).toEqual([]);
  });
});

describe("a large blob", () => {
  test.each([
    [2 * mebibyte + 1, [mebibyte, mebibyte, 1]],
    [3 * mebibyte, [mebibyte, mebibyte, mebibyte]],
    [4 * mebibyte - 1, [mebibyte, mebibyte, mebibyte, mebibyte - 1]],
  ])("of %d bytes is stored in segments of 1 MiB and a shorter last", async (length, lengths) => {
    const { store, receiver, hashers } = createScene({});
    const data = bytesOf(length);
    for (const piece of cutBytes(data, Array(80).fill(65_537))) {
      receiver.take(piece);
      await receiver.drained();
    }
    const receipt = await receiver.finish();

    expect(store.segments.map((segment) => segment.data.length)).toEqual(lengths);
    expect(Buffer.concat(store.segments.map((segment) => segment.data)).equals(data)).toBe(true);
    for (const segment of store.segments) expect(segment.hash).toEqual(hashing.hash(segment.data));
    expect(receipt).toEqual({ hash: hashing.hash(data), bytesTotal: length, created: true });
    expect(store.commits).toEqual([hashing.hash(data)]);
    expect(store.calls).not.toContain("abort");
    expect(hashers).toEqual({ made: 1, disposed: 1 });
  });

  test("that came in one piece is stored in the same segments", async () => {
    const { store, receiver } = createScene({});
    receiver.take(bytesOf(2 * mebibyte + 1));
    await receiver.finish();
    expect(store.segments.map(({ data }) => data.length)).toEqual([mebibyte, mebibyte, 1]);
  });

  test("does not hold the bytes it was given", async () => {
    const { store, receiver } = createScene({});
    const piece = bytesOf(3 * mebibyte);
    const before = piece.slice();
    receiver.take(piece);
    await receiver.drained();
    piece.fill(0);
    await receiver.finish();
    expect(Buffer.concat(store.segments.map(({ data }) => data)).equals(before)).toBe(true);
  });

  test("is asked to wait while two segments are on their way", async () => {
    const gate = Promise.withResolvers<void>();
    const { store, receiver } = createScene({
      before: async (call) => {
        if (call === "append") await gate.promise;
      },
    });
    receiver.take(bytesOf(3 * mebibyte));
    const drained = receiver.drained();
    await settle();
    expect(Bun.peek.status(drained)).toBe("pending");
    expect(store.calls).toEqual(["beginUpload", "beginUpload done", "append"]);
    gate.resolve();
    await drained;
    await receiver.finish();
    expect(store.segments.length).toBe(3);
  });

  test("is appended one segment at a time, and committed after the last", async () => {
    const { store, receiver } = createScene({ before: settle });
    receiver.take(bytesOf(2 * mebibyte + 1));
    await receiver.drained();
    await receiver.finish();
    const steps = ["beginUpload", "append", "append", "append", "commit"];
    expect(store.calls).toEqual(steps.flatMap((step) => [step, `${step} done`]));
  });

  test("is counted once it is committed", async () => {
    const { counters, receiver } = createScene({});
    receiver.take(bytesOf(3 * mebibyte));
    await receiver.drained();
    expect(counters).toEqual(createCounters());
    await receiver.finish();
    expect(counters).toEqual({
      ...createCounters(),
      blobsCreated: 1,
      bytesReceived: 3 * mebibyte,
      bytesStored: 3 * mebibyte,
    });
  });
});

describe("a blob that is expected to have a hash", () => {
  test.each([0, 300, 2 * mebibyte, 3 * mebibyte + 1])("of %d bytes is stored", async (length) => {
    const { receiver } = createScene({});
    const data = bytesOf(length);
    receiver.take(data);
    await receiver.drained();
    const receipt = await receiver.finish(hashing.hash(data));
    expect(receipt).toEqual({ hash: hashing.hash(data), bytesTotal: length, created: true });
  });

  test.each([0, 300, 2 * mebibyte])(
    "of %d bytes is never seen if it has another",
    async (length) => {
      const { store, receiver, counters } = createScene({});
      receiver.take(bytesOf(length));
      await receiver.drained();
      const failure = receiver.finish(hashing.hash(bytesOf(length + 1)));
      expect(await codeRejectedBy(failure)).toBe("hash_mismatch");
      await receiver.abort();
      expect(store.calls).toEqual([]);
      expect(counters).toEqual(createCounters());
    },
  );

  test("is never committed if it has another and is large", async () => {
    const { store, receiver, counters, hashers } = createScene({});
    const data = bytesOf(3 * mebibyte + 1);
    receiver.take(data);
    await receiver.drained();
    const failure = await receiver
      .finish(hashing.hash(bytesOf(1)))
      .catch((error: unknown) => error);
    expect(failure).toHaveProperty("code", "hash_mismatch");
    for (const named of [data, bytesOf(1)]) {
      const digits = toHex(hashing.hash(named));
      expect(failure).toHaveProperty("message", expect.stringContaining(digits));
    }
    await receiver.abort();
    expect(store.calls).not.toContain("commit");
    expect(store.calls.at(-1)).toBe("abort done");
    expect(counters).toEqual(createCounters());
    expect(hashers).toEqual({ made: 1, disposed: 1 });
  });
});

describe("a blob at the limit", () => {
  test.each([10, 3 * mebibyte])("of %d bytes is taken", async (blobBytesMax) => {
    const { receiver } = createScene({ blobBytesMax });
    receiver.take(bytesOf(blobBytesMax));
    expect((await receiver.finish()).bytesTotal).toBe(blobBytesMax);
  });

  test.each([10, 3 * mebibyte])("of %d bytes may have none more", async (blobBytesMax) => {
    const { receiver } = createScene({ blobBytesMax });
    receiver.take(bytesOf(blobBytesMax));
    await receiver.drained();
    expect(codeThrownBy(() => receiver.take(bytesOf(1)))).toBe("blob_too_large");
    await receiver.abort();
  });

  test("is refused before anything is stored when it comes in one piece", () => {
    const { store, receiver } = createScene({ blobBytesMax: 2 * mebibyte });
    const take = (): void => receiver.take(bytesOf(2 * mebibyte + 1));
    expect(take).toThrow(String(2 * mebibyte));
    expect(store.calls).toEqual([]);
  });
});

describe("a large blob whose store fails", () => {
  test("to begin, is told so and leaves nothing", async () => {
    const { store, receiver, hashers } = createScene({ before: failing("beginUpload") });
    receiver.take(bytesOf(3 * mebibyte));
    expect(await codeRejectedBy(receiver.drained())).toBe("storage_full");
    await receiver.abort();
    expect(store.calls).toEqual(["beginUpload"]);
    expect(hashers.made).toBe(hashers.disposed);
  });

  test("to append, hears of it while it goes on", async () => {
    const { store, receiver, hashers } = createScene({ before: failing("append") });
    receiver.take(bytesOf(3 * mebibyte));
    expect(await codeRejectedBy(receiver.drained())).toBe("storage_full");
    await receiver.abort();
    expect(store.calls.at(-1)).toBe("abort done");
    expect(hashers).toEqual({ made: 1, disposed: 1 });
  });

  test("to append the last segment, hears of it when it ends", async () => {
    let appends = 0;
    const { store, receiver, hashers } = createScene({
      before: async (call) => {
        if (call === "append") appends += 1;
        if (appends === 3) throw new RegistryError("storage_full", "full");
        await Promise.resolve();
      },
    });
    receiver.take(bytesOf(2 * mebibyte + 1));
    await receiver.drained();
    expect(await codeRejectedBy(receiver.finish())).toBe("storage_full");
    await receiver.abort();
    expect(store.commits).toEqual([]);
    expect(hashers).toEqual({ made: 1, disposed: 1 });
  });

  test("while the client is slow, hears of it with the next call", async () => {
    let appends = 0;
    const { store, receiver } = createScene({
      before: async (call) => {
        if (call === "append") appends += 1;
        if (call === "append" && appends === 2) throw new RegistryError("storage_full", "full");
        await Promise.resolve();
      },
    });
    receiver.take(bytesOf(2 * mebibyte + 1));
    await receiver.drained();
    await settle();
    receiver.take(bytesOf(mebibyte));
    expect(await codeRejectedBy(receiver.drained())).toBe("storage_full");
    await receiver.abort();
    expect(store.segments.length).toBe(1);
  });

  test("to commit, hears of it and is not counted", async () => {
    const { store, receiver, counters, hashers } = createScene({ before: failing("commit") });
    receiver.take(bytesOf(3 * mebibyte));
    expect(await codeRejectedBy(receiver.finish())).toBe("storage_full");
    await receiver.abort();
    expect(store.calls.at(-1)).toBe("abort done");
    expect(counters).toEqual(createCounters());
    expect(hashers).toEqual({ made: 1, disposed: 1 });
  });

  test("to abort, is given up all the same", async () => {
    const { store, receiver, hashers } = createScene({ before: failing("abort") });
    receiver.take(bytesOf(3 * mebibyte));
    await receiver.drained();
    await receiver.abort();
    expect(store.calls.at(-1)).toBe("abort");
    expect(hashers).toEqual({ made: 1, disposed: 1 });
  });
});

test("an abort removes only when the append under way has ended", async () => {
  const gate = Promise.withResolvers<void>();
  let appends = 0;
  const { store, receiver } = createScene({
    before: async (call) => {
      if (call === "append") appends += 1;
      if (call === "append" && appends === 2) await gate.promise;
    },
  });
  receiver.take(bytesOf(2 * mebibyte + 1));
  await receiver.drained();
  const aborted = receiver.abort();
  await settle();
  expect(store.calls.at(-1)).toBe("append");
  gate.resolve();
  await aborted;
  expect(store.calls.slice(-3)).toEqual(["append done", "abort", "abort done"]);
});

test("segments are as long as the limits say", () => {
  expect(limits.segmentBytes).toBe(mebibyte);
  expect(limits.inlineBlobBytesMax).toBe(2 * mebibyte);
});
