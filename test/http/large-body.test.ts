import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { createHashing } from "../../src/hashing/blake3.ts";
import { toHex, type Bytes } from "../../src/domain/bytes.ts";
import { createCounters } from "../../src/domain/counters.ts";
import { createLargeBody } from "../../src/http/large-body.ts";
import { createLog } from "../../src/ops/log.ts";
import { uploaderBody } from "../support/form.ts";
import { connectRaw } from "../support/raw-http.ts";
import { eventually, randomBytes, stores } from "../support/registry.ts";

const mebibyte = 1024 * 1024;
const hashing = createHashing();

const sizes: readonly (readonly [name: string, bytes: number])[] = [
  ["2 MiB", 2 * mebibyte],
  ["2 MiB and a byte", 2 * mebibyte + 1],
  ["3 MiB", 3 * mebibyte],
  ["8 MiB", 8 * mebibyte],
  ["8 MiB and a byte", 8 * mebibyte + 1],
  ["40 MiB", 40 * mebibyte],
];

describe.each(stores)("a large blob (%s)", (storeName, start) => {
  let registry: Awaited<ReturnType<typeof start>>;
  beforeAll(async () => {
    registry = await start();
  });
  afterAll(() => registry.stop());

  async function store(bytes: Bytes): Promise<string> {
    const { body, contentType } = uploaderBody(bytes);
    const response = await fetch(registry.api, {
      method: "POST",
      body,
      headers: { "Content-Type": contentType },
    });
    const hex = toHex(hashing.hash(bytes));
    expect(await response.json()).toMatchObject({ hash: hex, size: bytes.length });
    return hex;
  }

  const get = (hex: string): string => `GET /api/v1/metadata/${hex} HTTP/1.1\r\nHost: r\r\n\r\n`;

  /** Spoils what is stored, behind the registry's back. */
  async function spoil(hex: string, n: number): Promise<void> {
    const isHere = storeName === "SQLite" ? `hash = x'${hex}'` : `hash = decode('${hex}', 'hex')`;
    const bytes = storeName === "SQLite" ? "x'00'" : "'\\x00'::bytea";
    const { count } = await registry.database.query(
      "write",
      `UPDATE blob_segments SET data = ${bytes} WHERE n = ${n} ` +
        `AND upload = (SELECT upload FROM blobs WHERE ${isHere})`,
    );
    expect(count).toBe(1);
  }

  it.each(sizes)(
    "of %s goes in and comes back by both keys, and HEAD tells its length",
    async (_, size) => {
      const bytes = randomBytes(size);
      const hex = await store(bytes);
      for (const key of [hex, hex.slice(0, 32)]) {
        const response = await fetch(`${registry.api}/${key}`);
        expect(response.status).toBe(200);
        expect(response.headers.get("content-length")).toBe(
          size <= 8 * mebibyte ? String(size) : null,
        );
        expect(Buffer.compare(await response.bytes(), bytes)).toBe(0);
        const head = await fetch(`${registry.api}/${key}`, { method: "HEAD" });
        expect(head.headers.get("content-length")).toBe(String(size));
      }
    },
  );

  it("is told of by HEAD without a look at its bytes", async () => {
    const hex = await store(randomBytes(9 * mebibyte));
    await spoil(hex, 0);
    const before = registry.counters.bytesSent;
    const response = await fetch(`${registry.api}/${hex}`, { method: "HEAD" });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-length")).toBe(String(9 * mebibyte));
    expect(registry.counters.bytesSent).toBe(before);
  });

  it("that is there already stays as it is, and its new segments go", async () => {
    const bytes = randomBytes(3 * mebibyte);
    await store(bytes);
    const before = await registry.rowCounts();
    await store(bytes);
    await eventually(async () => (await registry.rowCounts()).uploads === 0);
    expect(await registry.rowCounts()).toEqual(before);
  });

  it("found bad before the first byte has left is answered with 500", async () => {
    const hex = await store(randomBytes(9 * mebibyte));
    await spoil(hex, 0);
    const response = await fetch(`${registry.api}/${hex}`);
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({ code: "corrupt_blob" });
  });

  it("found bad in an answer of one piece is answered with 500", async () => {
    const hex = await store(randomBytes(3 * mebibyte));
    await spoil(hex, 2);
    expect((await fetch(`${registry.api}/${hex}`)).status).toBe(500);
  });

  it("found bad on the way breaks the connection off, and is logged with its key", async () => {
    const hex = await store(randomBytes(12 * mebibyte));
    await spoil(hex, 9);
    const corruptBefore = registry.counters.blobsCorrupt;
    const connection = await connectRaw(registry.port);
    await connection.send(get(hex));
    const response = await connection.response();
    expect(response.status).toBe(200);
    expect(response.isComplete).toBe(false);
    expect(response.body.length).toBeLessThanOrEqual(9 * mebibyte);
    const line = registry.lines.find(({ message }) => message === "download broken off");
    expect(line).toMatchObject({ level: "error", hash: hex });
    expect(registry.counters.blobsCorrupt).toBe(corruptBefore + 1);
  });

  it("found bad is made good by the next upload of it", async () => {
    const bytes = randomBytes(12 * mebibyte);
    const hex = await store(bytes);
    await spoil(hex, 9);
    await store(bytes);
    expect(Buffer.compare(await (await fetch(`${registry.api}/${hex}`)).bytes(), bytes)).toBe(0);
  });

  it("whose reader goes in the middle is let go, and nobody calls it a failure", async () => {
    const hex = await store(randomBytes(40 * mebibyte));
    const linesBefore = registry.lines.length;
    const connection = await connectRaw(registry.port);
    await connection.send(get(hex));
    await eventually(() => connection.received() > mebibyte);
    connection.destroy();
    await eventually(() => registry.pendingRequests() === 0);
    expect(registry.lines.slice(linesBefore)).toEqual([]);
  });

  it("is counted in bytes as it leaves", async () => {
    const hex = await store(randomBytes(9 * mebibyte));
    const before = registry.counters.bytesSent;
    await (await fetch(`${registry.api}/${hex}`)).bytes();
    expect(registry.counters.bytesSent - before).toBe(9 * mebibyte);
  });
});

describe("createLargeBody", () => {
  it("calls it no failure when a client goes while a segment is on its way", async () => {
    const lines: string[] = [];
    const log = createLog({ level: "debug", format: "json", write: (line) => lines.push(line) });
    const arrival = Promise.withResolvers<void>();
    const { promise: isOver, resolve: over } = Promise.withResolvers<void>();
    const data = randomBytes(10);
    const hash = hashing.hash(data);
    async function* segments() {
      try {
        yield { hash, data };
        await arrival.promise;
        yield { hash, data };
      } finally {
        over();
      }
    }
    const reader = { hash, bytesTotal: 20, createdAtMs: null, offset: 0, segments: segments() };
    const largeBody = createLargeBody({ log, counters: createCounters(), gatherMsMax: 1000 });
    const client = (await largeBody.stream(reader)).getReader();
    await client.read();
    const next = client.read();
    await Bun.sleep(0); // until it is asked for
    const leaving = client.cancel();
    arrival.resolve();
    await Promise.all([next, leaving, isOver]);
    expect(lines).toEqual([]);
  });
});
