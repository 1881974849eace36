import { afterAll, beforeAll, describe, expect, it, jest, spyOn } from "bun:test";
import { createClient, type RegistryClient } from "../src/client.ts";
import { hashing } from "./support/blobs.ts";
import { failureOf } from "./support/client-failure.ts";
import { startFaultyProxy, status, type FaultyProxy } from "./support/faulty-proxy.ts";
import { randomBytes, startRegistry, type TestRegistry } from "./support/registry.ts";

const mebibyte = 1024 * 1024;
const nowhere = "http://127.0.0.1:1";

let registry: TestRegistry;
let proxy: FaultyProxy;

beforeAll(async () => {
  spyOn(Math, "random").mockReturnValue(0); // no pauses before repetitions
  registry = await startRegistry({ blobBytesMax: 16 * mebibyte });
});

afterAll(async () => {
  await registry.stop();
  jest.restoreAllMocks();
});

/** A client that speaks through a faulty proxy, which is gone after `use`. */
async function throughProxy<T>(use: (client: RegistryClient) => Promise<T>): Promise<T> {
  proxy = startFaultyProxy(registry.url);
  try {
    return await use(createClient({ url: proxy.url }));
  } finally {
    await proxy.stop();
  }
}

const client = (): RegistryClient => createClient({ url: registry.url });

function keyOf(bytes: Uint8Array<ArrayBuffer>): string {
  return hashing.hash(bytes).toHex();
}

async function stored(bytesTotal: number) {
  const bytes = randomBytes(bytesTotal);
  const { hash } = await client().upload(bytes);
  return { bytes, hash };
}

/** A sink that keeps what it gets, and how it ended. */
function recordingSink() {
  const pieces: Uint8Array[] = [];
  const record = { end: "open", bytes: () => Buffer.concat(pieces) };
  const sink = new WritableStream<Uint8Array>({
    write: (piece) => void pieces.push(piece),
    close: () => void (record.end = "closed"),
    abort: (reason) => void (record.end = `aborted: ${(reason as { code?: string }).code}`),
  });
  return { sink, record };
}

describe("upload", () => {
  it("stores bytes under the hash it computes, and tells whether they are new", async () => {
    const bytes = randomBytes(3000);
    const receipt = { hash: keyOf(bytes), size: 3000, url: null };
    expect(await client().upload(bytes)).toEqual({ ...receipt, created: true });
    expect(await client().upload(bytes)).toEqual({ ...receipt, created: false });
    const response = await fetch(`${registry.api}/${receipt.hash}`);
    expect(await response.bytes()).toEqual(bytes);
  });

  it("takes a view, a Buffer, a Blob, a file and nothing at all", async () => {
    const bytes = randomBytes(5 * mebibyte);
    const path = `${registry.directory}/file.bin`;
    await Bun.write(path, bytes.subarray(7));
    const expected = { hash: keyOf(bytes.slice(7)), size: bytes.length - 7 };
    expect(await client().upload(bytes.subarray(7))).toMatchObject(expected);
    expect(await client().upload(Buffer.from(bytes.slice(7)))).toMatchObject(expected);
    expect(await client().upload(new Blob([bytes]).slice(7))).toMatchObject(expected);
    expect(await client().upload(Bun.file(path))).toMatchObject(expected);
    const nothing = { hash: keyOf(new Uint8Array()), size: 0 };
    expect(await client().upload(new Uint8Array())).toMatchObject(nothing);
    expect(await client().upload(new Blob())).toMatchObject(nothing);
  });

  it("uses another hash when it is given one, and stores nothing under a wrong one", async () => {
    const hash = () => ({ update: () => {}, digest: () => new Uint8Array(32) });
    const url = registry.url;
    expect(await failureOf(createClient({ url, hash }).upload(randomBytes(10)))).toMatchObject({
      code: "hash_mismatch",
      status: 422,
      repeatAfterMs: null,
    });
    expect(await client().exists(["0".repeat(64)])).toEqual([false]);
  });

  it("tells the registry's refusal of a blob that is too large, in its words", async () => {
    const error = await failureOf(client().upload(new Uint8Array(20 * mebibyte)));
    expect(error).toMatchObject({ code: "blob_too_large", status: 413 });
    expect(error.detail).toContain(String(16 * mebibyte));
    expect(error.message).toBe(error.detail);
    expect(await failureOf(client().upload(new Blob([randomBytes(17 * mebibyte)])))).toMatchObject({
      code: "blob_too_large",
    });
  });

  it("is sent again when its answer got lost, and the blob is stored once", async () => {
    const bytes = randomBytes(100);
    const before = await registry.rowCounts();
    const receipt = await throughProxy((through) => {
      proxy.fail({ cutAfter: 5 });
      return through.upload(bytes);
    });
    expect(receipt).toMatchObject({ hash: keyOf(bytes), created: false });
    expect((await registry.rowCounts()).blobs).toBe(before.blobs + 1);
  });

  it("does not believe a receipt for something else, or none", async () => {
    for (const body of ['{"hash":"00","size":1,"created":true}', "null", "<html>"]) {
      const error = await throughProxy((through) => {
        proxy.fail({ answer: () => new Response(body) });
        return failureOf(through.upload(randomBytes(10)));
      });
      expect(error).toMatchObject({ code: "unexpected_answer", status: null });
    }
  });
});

describe("download", () => {
  it.each([0, 1, 600, 3 * mebibyte, 9 * mebibyte])("gives the %d bytes of a blob", async (size) => {
    const { bytes, hash } = await stored(size);
    for (const key of [hash, hash.slice(0, 32), hash.toUpperCase()]) {
      const found = await client().download(key);
      expect(Buffer.compare(found, bytes)).toBe(0);
    }
  });

  it.each([
    ["changed", (bytes: Uint8Array<ArrayBuffer>) => bytes.with(300, (bytes[300] ?? 0) ^ 1)],
    ["cut off", (bytes: Uint8Array<ArrayBuffer>) => bytes.slice(0, -1)],
    ["too long", (bytes: Uint8Array<ArrayBuffer>) => new Uint8Array([...bytes, 0])],
  ])("refuses bytes that were %s on the way, by either key", async (_, alter) => {
    const { hash } = await stored(600);
    await throughProxy(async (through) => {
      proxy.failAlways({ alter });
      expect(await failureOf(through.download(hash))).toMatchObject({ code: "wrong_bytes" });
      const byPrefix = await failureOf(through.download(hash.slice(0, 32)));
      expect(byPrefix).toMatchObject({ code: "wrong_bytes", repeatAfterMs: null });
    });
    expect(proxy.seen).toHaveLength(2);
  });

  it("says that a blob is not there", async () => {
    expect(await failureOf(client().download("0".repeat(64)))).toMatchObject({
      code: "not_found",
      status: 404,
      detail: "No blob has this key here.",
    });
  });

  it.each(["", "abc", "g".repeat(64), `${"0".repeat(64)}\n`, "0".repeat(63)])(
    "does not ask for %p, which is no key",
    async (key) => {
      const nobody = createClient({ url: nowhere });
      for (const call of [nobody.download(key), nobody.stat(key), nobody.exists([key])]) {
        expect(await failureOf(call)).toMatchObject({ code: "invalid_key", status: null });
      }
    },
  );

  it("goes on where it was cut", async () => {
    const { bytes, hash } = await stored(3 * mebibyte);
    const found = await throughProxy((through) => {
      proxy.fail({ cutAfter: 2 * mebibyte }, { cutAfter: 1000 });
      return through.download(hash);
    });
    expect(Buffer.compare(found, bytes)).toBe(0);
    const ranges = proxy.seen.map(({ range }) => range);
    expect(ranges).toEqual([null, `bytes=${2 * mebibyte}-`, `bytes=${2 * mebibyte + 1000}-`]);
  });

  it("goes on where it was cut, also when it gets the whole again", async () => {
    const { bytes, hash } = await stored(5000);
    const whole = { answer: () => new Response(bytes) };
    const found = await throughProxy((through) => {
      proxy.fail({ cutAfter: 3000 }, whole);
      return through.download(hash);
    });
    expect(found).toEqual(bytes);
  });

  it("is whole when only its end was cut", async () => {
    const { bytes, hash } = await stored(5000);
    const found = await throughProxy((through) => {
      proxy.fail({ cutAfter: 5000 });
      return through.download(hash);
    });
    expect(found).toEqual(bytes);
    expect(proxy.seen.map(({ range }) => range)).toEqual([null, "bytes=5000-"]);
  });

  it("asks again when fewer bytes came than were announced", async () => {
    const { bytes, hash } = await stored(100);
    const answers = [
      { headers: { "Content-Length": "100" }, from: 0, to: 60, status: 200 },
      { headers: {}, from: 60, to: 100, status: 206 },
    ];
    const url = nowhere;
    const short = createClient({
      url,
      async fetch() {
        const { headers = {}, from, to, status: code } = answers.shift() ?? { from: 0, to: 0 };
        return new Response(bytes.slice(from, to), { status: code ?? 500, headers });
      },
    });
    expect(await short.download(hash)).toEqual(bytes);
  });
});

describe("downloadTo", () => {
  it("closes the sink once the bytes are known to be right", async () => {
    const { bytes, hash } = await stored(9 * mebibyte);
    const { sink, record } = recordingSink();
    const found = await client().downloadTo(hash.slice(0, 32), sink);
    expect(found).toEqual({ hash, size: bytes.length });
    expect(record.end).toBe("closed");
    expect(Buffer.compare(record.bytes(), bytes)).toBe(0);
  });

  it("aborts it when they are wrong, or not there", async () => {
    const { hash } = await stored(600);
    await throughProxy(async (through) => {
      proxy.fail({ alter: (bytes) => bytes.toReversed() });
      const wrong = recordingSink();
      await failureOf(through.downloadTo(hash, wrong.sink));
      expect(wrong.record.end).toBe("aborted: wrong_bytes");
      const missing = recordingSink();
      await failureOf(through.downloadTo("0".repeat(64), missing.sink));
      expect(missing.record.end).toBe("aborted: not_found");
    });
  });

  it("fails with what the sink fails with, and asks for no more", async () => {
    const { hash } = await stored(600);
    const full = new WritableStream<Uint8Array>({
      write() {
        throw new Error("no space left");
      },
    });
    const call = throughProxy((through) => through.downloadTo(hash, full));
    await expect(call).rejects.toThrow("no space left");
    expect(proxy.seen).toHaveLength(1);
  });
});

describe("stat", () => {
  it("tells hash, size and age of a blob by either key", async () => {
    const { hash } = await stored(3 * mebibyte);
    const found = await client().stat(hash.slice(0, 32).toUpperCase());
    expect(found).toMatchObject({ hash, size: 3 * mebibyte });
    expect(Date.now() - Number(found?.createdAt)).toBeLessThan(3_600_000);
    expect(await client().stat(hash)).toEqual(found);
  });

  it("gives null for a blob that is not there, and has none transferred", async () => {
    const { hash } = await stored(10);
    await throughProxy(async (through) => {
      expect(await through.stat("0".repeat(64))).toBeNull();
      await through.stat(hash);
    });
    expect(proxy.seen.map(({ method }) => method)).toEqual(["HEAD", "HEAD"]);
  });

  it("gives null for no age, and the key for a hash that is not shown", async () => {
    const headers = { "Content-Length": "5" };
    const bare = createClient({ url: nowhere, fetch: async () => new Response(null, { headers }) });
    const key = "ab".repeat(16);
    expect(await bare.stat(key)).toEqual({ hash: key, size: 5, createdAt: null });
  });

  it("does not take the 404 of another server for an answer", async () => {
    await throughProxy(async (through) => {
      proxy.failAlways(status(404, { "Content-Type": "text/html" }));
      const error = await failureOf(through.stat("0".repeat(64)));
      expect(error).toMatchObject({ code: "http_404", status: 404, repeatAfterMs: null });
    });
  });

  it("does not take another refusal for absence", async () => {
    await throughProxy(async (through) => {
      proxy.failAlways(status(500, {}, { code: "corrupt_blob", detail: "a HEAD has no body" }));
      const error = await failureOf(through.stat("0".repeat(64)));
      expect(error).toMatchObject({ code: "http_500", status: 500 });
    });
  });

  it("does not believe an answer about another blob, or without a size", async () => {
    const answers = [{ ETag: `"${"0".repeat(64)}"`, "Content-Length": "1" }, {}];
    for (const headers of answers) {
      const fetch = async () => new Response(null, { headers });
      const error = await failureOf(createClient({ url: nowhere, fetch }).stat("1".repeat(64)));
      expect(error.code).toBe("unexpected_answer");
    }
  });
});

describe("exists", () => {
  it("tells for each key, in order, whether its blob is there", async () => {
    const [first, second] = [await stored(10), await stored(20)];
    const keys = [
      "0".repeat(32),
      first.hash,
      second.hash.slice(0, 32),
      "f".repeat(64),
      first.hash.toUpperCase(),
      "F".repeat(64),
    ];
    const expected = [false, true, true, false, true, false];
    expect(await client().exists(keys)).toEqual(expected);
    expect(await client().exists([])).toEqual([]);
  });

  it("asks for at most 1,000 keys at once", async () => {
    const { hash } = await stored(30);
    const keys = Array.from({ length: 2500 }, (_, index) => index.toString(16).padStart(32, "0"));
    const found = await throughProxy((through) => through.exists([...keys, hash]));
    expect(found).toEqual([...keys.map(() => false), true]);
    expect(proxy.seen).toHaveLength(3);
  });

  it("does not believe an answer that lists nothing", async () => {
    for (const body of ["null", "{}", '{"missing":{}}', "[]"]) {
      const fetch = async () => new Response(body);
      const error = await failureOf(createClient({ url: nowhere, fetch }).exists(["0".repeat(64)]));
      expect(error.code).toBe("unexpected_answer");
    }
  });
});

describe("the URL of a registry", () => {
  it.each([
    ["http://h", "http://h/api/v1/metadata/exists"],
    ["http://h/", "http://h/api/v1/metadata/exists"],
    ["https://h:8/below//?x#y", "https://h:8/below/api/v1/metadata/exists"],
    ["http://h/api/v1/metadata/", "http://h/api/v1/metadata/exists"],
  ])("%s means that %s is asked", async (url, asked) => {
    let seen = "";
    const fetch = async (to: string) => {
      seen = to;
      return Response.json({ missing: [] });
    };
    expect(await createClient({ url, fetch }).exists(["0".repeat(64)])).toEqual([true]);
    expect(await createClient({ url: new URL(url), fetch }).exists([])).toEqual([]);
    expect(seen).toBe(asked);
  });

  it.each(["", "localhost:8080", "/api", "ftp://h/", "file:///x", "http://me:secret@h/"])(
    "cannot be %p",
    (url) => {
      expect(() => createClient({ url })).toThrow(TypeError);
    },
  );
});
