import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import fc from "fast-check";
import type { Bytes } from "../../src/domain/bytes.ts";
import { createCounters } from "../../src/domain/counters.ts";
import { createLargeBody } from "../../src/http/large-body.ts";
import { createLog } from "../../src/ops/log.ts";
import type { Log } from "../../src/domain/log.ts";
import { hashing } from "../support/blobs.ts";
import { concatBytes } from "../support/form.ts";
import { askRaw, damageSegment, recordStatements, stock } from "../support/downloads.ts";
import { connectRaw } from "../support/raw-http.ts";
import { eventually, randomBytes, startRegistry, stores } from "../support/registry.ts";

const mebibyte = 1024 * 1024;

const sizes: readonly (readonly [name: string, bytes: number])[] = [
  ["2 MiB", 2 * mebibyte],
  ["2 MiB and a byte", 2 * mebibyte + 1],
  ["3 MiB", 3 * mebibyte],
  ["8 MiB", 8 * mebibyte],
  ["8 MiB and a byte", 8 * mebibyte + 1],
  ["40 MiB", 40 * mebibyte],
];

describe.each(stores)("a large blob (%s)", (_, start) => {
  let registry: Awaited<ReturnType<typeof start>>;
  beforeAll(async () => {
    registry = await start();
  });
  afterAll(() => registry.stop());

  const get = (hex: string): string => `GET /api/v1/metadata/${hex} HTTP/1.1\r\nHost: r\r\n\r\n`;

  it.each(sizes)(
    "of %s goes in and comes back by both keys, and HEAD tells its length",
    async (_name, size) => {
      const { hex, data } = await stock(registry, size);
      for (const key of [hex, hex.slice(0, 32)]) {
        const response = await fetch(`${registry.api}/${key}`);
        expect(response.status).toBe(200);
        expect(response.headers.get("content-length")).toBe(
          size <= 8 * mebibyte ? String(size) : null,
        );
        expect(Buffer.compare(await response.bytes(), data)).toBe(0);
        const head = await fetch(`${registry.api}/${key}`, { method: "HEAD" });
        expect(head.headers.get("content-length")).toBe(String(size));
      }
    },
  );

  it("is told of by HEAD without a look at its bytes", async () => {
    const blob = await stock(registry, 9 * mebibyte);
    await damageSegment(registry.database, blob, 0);
    const before = registry.counters.bytesSent;
    const response = await fetch(`${registry.api}/${blob.hex}`, { method: "HEAD" });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-length")).toBe(String(9 * mebibyte));
    expect(registry.counters.bytesSent).toBe(before);
  });

  it("that is there already stays as it is, and its new segments go", async () => {
    const { data } = await stock(registry, 3 * mebibyte);
    const before = await registry.rowCounts();
    await stock(registry, data);
    await eventually(async () => (await registry.rowCounts()).uploads === 0);
    expect(await registry.rowCounts()).toEqual(before);
  });

  it("found bad before the first byte has left is answered with 500", async () => {
    const blob = await stock(registry, 9 * mebibyte);
    await damageSegment(registry.database, blob, 0);
    const response = await fetch(`${registry.api}/${blob.hex}`);
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({ code: "corrupt_blob" });
  });

  it("found bad in an answer of one piece is answered with 500", async () => {
    const blob = await stock(registry, 3 * mebibyte);
    await damageSegment(registry.database, blob, 2);
    expect((await fetch(`${registry.api}/${blob.hex}`)).status).toBe(500);
  });

  it("found bad on the way breaks the connection off, and is logged with its key", async () => {
    const blob = await stock(registry, 12 * mebibyte);
    await damageSegment(registry.database, blob, 9);
    const corruptBefore = registry.counters.blobsCorrupt;
    const response = await askRaw(registry.port, { key: blob.hex });
    expect(response.status).toBe(200);
    expect(response.isComplete).toBe(false);
    expect(response.body.length).toBeLessThanOrEqual(9 * mebibyte);
    const line = registry.lines.find(({ message }) => message === "download broken off");
    expect(line).toMatchObject({ level: "error", hash: blob.hex });
    expect(registry.counters.blobsCorrupt).toBe(corruptBefore + 1);
  });

  it("found bad on the way ends in a reset for HTTP/1.0, too, where an end is good", async () => {
    const blob = await stock(registry, 9 * mebibyte);
    const ask = async () => {
      const connection = await connectRaw(registry.port);
      await connection.send(get(blob.hex).replace("HTTP/1.1", "HTTP/1.0"));
      const { body } = await connection.response();
      const end = await connection.ended;
      connection.destroy();
      return { body, end };
    };
    const good = await ask();
    expect(good.end).toBe("closed");
    expect(Buffer.compare(good.body, blob.data)).toBe(0);
    await damageSegment(registry.database, blob, 8);
    const bad = await ask();
    expect(bad.end).toBe("reset");
    expect(bad.body.length).toBeLessThanOrEqual(8 * mebibyte);
  });

  it("found bad is made good by the next upload of it", async () => {
    const blob = await stock(registry, 12 * mebibyte);
    await damageSegment(registry.database, blob, 9);
    await stock(registry, blob.data);
    const body = await (await fetch(`${registry.api}/${blob.hex}`)).bytes();
    expect(Buffer.compare(body, blob.data)).toBe(0);
  });

  it("whose reader goes in the middle is let go, and nobody calls it a failure", async () => {
    const { hex } = await stock(registry, 40 * mebibyte);
    const linesBefore = registry.lines.length;
    const connection = await connectRaw(registry.port);
    await connection.send(get(hex));
    await eventually(() => connection.received() > mebibyte);
    connection.destroy();
    await eventually(() => registry.pendingRequests() === 0);
    expect(registry.lines.slice(linesBefore)).toEqual([]);
  });

  it("is counted in bytes as it leaves", async () => {
    const { hex } = await stock(registry, 9 * mebibyte);
    const before = registry.counters.bytesSent;
    await (await fetch(`${registry.api}/${hex}`)).bytes();
    expect(registry.counters.bytesSent - before).toBe(9 * mebibyte);
    const headers = { Range: `bytes=5-${mebibyte + 4}` };
    await (await fetch(`${registry.api}/${hex}`, { headers })).bytes();
    expect(registry.counters.bytesSent - before).toBe(10 * mebibyte);
  });
});

describe.each(stores)("a part of a large blob (%s)", (_, start) => {
  let registry: Awaited<ReturnType<typeof start>>;
  beforeAll(async () => {
    registry = await start();
  });
  afterAll(() => registry.stop());

  const askPart = async (hex: string, range: string): Promise<Response> =>
    await fetch(`${registry.api}/${hex}`, { headers: { Range: range } });

  it("is the same bytes, wherever it begins and ends", async () => {
    const total = 5 * mebibyte;
    const { hex, data } = await stock(registry, total);
    // Near the ends of segments more goes wrong than elsewhere.
    const position = fc.oneof(
      fc.nat(total - 1),
      fc
        .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: -2, max: 2 }))
        .map(([segment, offset]) => segment * mebibyte + offset),
    );
    const end = total - 1;
    const part = fc.oneof(
      fc.tuple(position, position).map(([a, b]) => {
        const [first, last] = [Math.min(a, b), Math.max(a, b)];
        return { range: `${first}-${last}`, first, last };
      }),
      position.map((first) => ({ range: `${first}-`, first, last: end })),
      position.map((first) => ({ range: `-${total - first}`, first, last: end })),
    );
    await fc.assert(
      fc.asyncProperty(part, async ({ range, first, last }) => {
        const response = await askPart(hex, `bytes=${range}`);
        expect(response.status).toBe(206);
        expect(response.headers.get("content-range")).toBe(`bytes ${first}-${last}/${total}`);
        expect(response.headers.get("content-length")).toBe(String(last + 1 - first));
        expect(Buffer.compare(await response.bytes(), data.subarray(first, last + 1))).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ["0-0", [0]],
    [`${mebibyte - 1}-${mebibyte - 1}`, [0]],
    [`${mebibyte}-${mebibyte}`, [1]],
    [`${mebibyte - 1}-${mebibyte}`, [0, 1]],
    [`${2 * mebibyte + 5}-${5 * mebibyte - 1}`, [2, 3, 4]],
    [`-${mebibyte}`, [8]],
    [`${mebibyte}-`, [1, 2, 3, 4, 5, 6, 7, 8]],
  ])("of bytes %s asks for the segments %j and no other", async (range, segments) => {
    const { hex } = await stock(registry, 9 * mebibyte);
    using recording = recordStatements(registry);
    await (await askPart(hex, `bytes=${range}`)).bytes();
    const asked = recording.statements().filter(({ text }) => text.includes("blob_segments"));
    expect(asked.map(({ params: [, n] }) => n)).toEqual(segments);
    // Two more: one tells that the blob is large, one whose segments hold it.
    expect(recording.statements().length - asked.length).toBe(2);
  });

  it("that does not touch a bad segment is served, and one that does is not", async () => {
    const blob = await stock(registry, 5 * mebibyte);
    await damageSegment(registry.database, blob, 2);
    for (const [first, last] of [
      [0, 2 * mebibyte - 1],
      [3 * mebibyte, 5 * mebibyte - 1],
    ] as const) {
      const response = await askPart(blob.hex, `bytes=${first}-${last}`);
      expect(response.status).toBe(206);
      expect(Buffer.compare(await response.bytes(), blob.data.subarray(first, last + 1))).toBe(0);
    }
    for (const range of [
      `${2 * mebibyte + 5}-${2 * mebibyte + 5}`, // not the byte that is bad
      `0-${2 * mebibyte}`,
      `${3 * mebibyte - 1}-`,
    ]) {
      const linesBefore = registry.lines.length;
      const response = await askPart(blob.hex, `bytes=${range}`);
      expect(response.status).toBe(500);
      expect(response.headers.get("content-range")).toBeNull();
      expect(await response.json()).toMatchObject({ code: "corrupt_blob" });
      const lines = registry.lines.slice(linesBefore);
      expect(lines).toMatchObject([{ level: "error", message: "request failed" }]);
      expect(JSON.stringify(lines)).toContain(blob.hex);
    }
  });

  it("too long for one piece is chunked, and is broken off where it is bad", async () => {
    const blob = await stock(registry, 9 * mebibyte);
    const fields = { Range: "bytes=1-" };
    const good = await askRaw(registry.port, { key: blob.hex, fields });
    expect(good.status).toBe(206);
    expect(good.headers).toMatchObject({
      "transfer-encoding": "chunked",
      "content-range": `bytes 1-${9 * mebibyte - 1}/${9 * mebibyte}`,
    });
    expect(Buffer.compare(good.body, blob.data.subarray(1))).toBe(0);

    await damageSegment(registry.database, blob, 8);
    const bad = await askRaw(registry.port, { key: blob.hex, fields });
    expect(bad.status).toBe(206);
    expect(bad.isComplete).toBe(false);
    expect(bad.body.length).toBeLessThanOrEqual(8 * mebibyte - 1);
    const line = registry.lines.find(({ message }) => message === "download broken off");
    expect(line).toMatchObject({ level: "error", hash: blob.hex });
  });
});

describe("a large blob whose answer is watched", () => {
  it("is the same bytes, to clients that stop and go on", async () => {
    const registry = await startRegistry({ accessLog: true });
    const { hex, data } = await stock(registry, 24 * mebibyte);
    const connections = await Promise.all([1, 2, 3].map(() => connectRaw(registry.port)));
    const bodies = connections.map(async (connection) => {
      await connection.send(`GET /api/v1/metadata/${hex} HTTP/1.1\r\nHost: r\r\n\r\n`);
      for (const share of [0.1, 0.5]) {
        await eventually(() => connection.received() > share * data.length);
        connection.pause();
        await Bun.sleep(20);
        connection.resume();
      }
      return (await connection.response()).body;
    });
    for (const body of await Promise.all(bodies)) expect(Buffer.compare(body, data)).toBe(0);
    for (const connection of connections) connection.destroy();
    await registry.stop();
  });
});

describe("createLargeBody", () => {
  const hash = hashing.hash(new Uint8Array());
  const streamed = (log: Log) =>
    createLargeBody({ log, counters: createCounters(), gatheredBytesMax: 0 });

  it("holds no piece of what it has gathered, and no second copy", async () => {
    const given = [randomBytes(1000), randomBytes(24)];
    const expected = concatBytes(...given);
    async function* pieces(): AsyncGenerator<Bytes> {
      yield* given;
    }
    const log = createLog({ level: "debug", format: "json", write: () => {} });
    const largeBody = createLargeBody({ log, counters: createCounters() });
    const response = await largeBody.answer({ hash, bytesTotal: 1024, pieces: pieces() }, {});
    expect(given.map(({ buffer }) => buffer.detached)).toEqual([true, true]);
    expect(await response.bytes()).toEqual(expected);
  });

  it("calls it no failure when a client goes while a piece is on its way", async () => {
    const lines: string[] = [];
    const log = createLog({ level: "debug", format: "json", write: (line) => lines.push(line) });
    const arrival = Promise.withResolvers<void>();
    const { promise: isOver, resolve: over } = Promise.withResolvers<void>();
    const piece = randomBytes(10);
    async function* pieces(): AsyncGenerator<Bytes> {
      try {
        yield piece;
        await arrival.promise;
        yield piece;
      } finally {
        over();
      }
    }
    const { body } = await streamed(log).answer({ hash, bytesTotal: 20, pieces: pieces() }, {});
    const client = (body as ReadableStream<Bytes>).getReader();
    await client.read();
    const next = client.read();
    await Bun.sleep(0); // until it is asked for
    const leaving = client.cancel();
    arrival.resolve();
    await Promise.all([next, leaving, isOver]);
    expect(lines).toEqual([]);
  });

  it("never passes off as whole what ends too soon", async () => {
    const lines: string[] = [];
    const log = createLog({ level: "debug", format: "json", write: (line) => lines.push(line) });
    async function* pieces(): AsyncGenerator<Bytes> {
      yield randomBytes(10);
    }
    const gathered = createLargeBody({ log, counters: createCounters() });
    const gathering = gathered.answer({ hash, bytesTotal: 11, pieces: pieces() }, {});
    await expect(gathering).rejects.toThrow("all of the content");
    const response = await streamed(log).answer({ hash, bytesTotal: 11, pieces: pieces() }, {});
    await expect(response.bytes()).rejects.toThrow("all of the content");
    expect(lines).toHaveLength(1);
  });
});
