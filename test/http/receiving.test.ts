import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { CryptoHasher } from "bun";
import fc from "fast-check";
import type { Bytes } from "../../src/domain/bytes.ts";
import { limits } from "../../src/domain/limits.ts";
import { flipped } from "../support/damage.ts";
import { concatBytes, utf8 } from "../support/form.ts";
import { connectRaw, type RawResponse } from "../support/raw-http.ts";
import {
  answerOn,
  chunkOf,
  framings,
  headOf,
  jsonOf,
  lastChunk,
  pathOf,
  postOf,
  putOf,
  send,
  waysIn,
  type Framing,
  type RawUpload,
} from "../support/raw-upload.ts";
import {
  eventually,
  randomBytes,
  startRegistry,
  stores,
  type RowCounts,
  type TestRegistry,
} from "../support/registry.ts";

const mebibyte = 1024 * 1024;
const blobBytesMax = 3 * mebibyte;

/** One row in one piece, one row in pieces, segments. */
const bodies: readonly (readonly [name: string, framing: Framing, bytes: number])[] = [
  ["small", "Content-Length", 700],
  ["small chunked", "chunked", 700],
  ["large", "Content-Length", 2.5 * mebibyte],
  ["large chunked", "chunked", 2.5 * mebibyte],
];

const digest = (algorithm: "sha256" | "sha512", bytes: Bytes): string =>
  new CryptoHasher(algorithm).update(bytes).digest("base64");
const sha256 = (bytes: Bytes): string => `sha-256=:${digest("sha256", bytes)}:`;
const sha512 = (bytes: Bytes): string => `sha-512=:${digest("sha512", bytes)}:`;

/** Header fields that announce a body truly, and falsely. */
const announcements: readonly (readonly [name: string, fields: (body: Bytes) => string[]])[] = [
  ["Content-Digest of SHA-256", (body) => [`Content-Digest: ${sha256(body)}`]],
  ["Content-Digest of SHA-512", (body) => [`Content-Digest: ${sha512(body)}`]],
  ["Repr-Digest of SHA-256", (body) => [`Repr-Digest: ${sha256(body)}`]],
  ["both algorithms", (body) => [`Content-Digest: ${sha256(body)}, ${sha512(body)}`]],
  ["both fields", (body) => [`Repr-Digest: ${sha512(body)}`, `Content-Digest: ${sha256(body)}`]],
  ["a field twice", (body) => [`Repr-Digest: ${sha512(body)}`, `Repr-Digest: ${sha256(body)}`]],
];

const lies: typeof announcements = [
  ["Content-Digest of SHA-256", (body) => [`Content-Digest: ${sha256(flipped(body))}`]],
  ["Repr-Digest of SHA-512", (body) => [`Repr-Digest: ${sha512(flipped(body))}`]],
  ["one of two algorithms", (body) => [`Repr-Digest: ${sha256(body)}, ${sha512(flipped(body))}`]],
  [
    "one of two fields",
    (body) => [`Content-Digest: ${sha256(body)}`, `Repr-Digest: ${sha256(flipped(body))}`],
  ],
];

describe.each(stores)("what is received (%s)", (_, start) => {
  let registry: Awaited<ReturnType<typeof start>>;
  beforeAll(async () => {
    registry = await start({ blobBytesMax });
  });
  afterAll(() => registry.stop());

  const statusAt = async (path: string): Promise<number> =>
    (await fetch(`${registry.url}${path}`, { method: "HEAD" })).status;

  /** Nothing is there that was not there before, and nothing is on its way. */
  async function expectClear(before: RowCounts): Promise<void> {
    await eventually(() => registry.pendingRequests() === 0);
    await eventually(async () => (await registry.rowCounts()).uploads === 0);
    expect(await registry.rowCounts()).toEqual(before);
  }

  describe.each(waysIn)("by %s", (method, uploadOf) => {
    const isStored = (response: RawResponse): void => {
      expect(response.status).toBe(method === "PUT" ? 201 : 200);
      expect(jsonOf(response)).toMatchObject({ created: true });
    };

    describe.each(bodies)("in a %s body", (_name, framing, bytes) => {
      it.each(announcements)("is compared with %s", async (_fields, fieldsOf) => {
        const data = randomBytes(bytes);
        const fields = fieldsOf(uploadOf(data).body);
        isStored(await send(registry.port, uploadOf(data, ...fields), framing));
      });

      it.each(lies)("is refused when it is not what was announced: %s", async (_lie, fieldsOf) => {
        const data = randomBytes(bytes);
        const before = await registry.rowCounts();
        const fields = fieldsOf(uploadOf(data).body);
        const response = await send(registry.port, uploadOf(data, ...fields), framing);
        expectRefused(response, 400, "digest_mismatch");
        expect(jsonOf(response)["detail"]).toContain("nothing was stored");
        await expectClear(before);
        expect(await statusAt(pathOf(data))).toBe(404);
      });

      it("is taken back whole", async () => {
        const data = randomBytes(bytes);
        isStored(await send(registry.port, uploadOf(data), framing));
        expect(await (await fetch(`${registry.url}${pathOf(data)}`)).bytes()).toEqual(data);
      });
    });

    it("is not compared by an algorithm that nobody knows here", async () => {
      const data = randomBytes(50);
      const fields = ["Content-Digest: md5=:AAAA:, blake3=:AAAA:, sha=1", "Repr-Digest: crc=?0"];
      isStored(await send(registry.port, uploadOf(data, ...fields)));
    });

    it.each([
      "sha-256",
      "sha-256=abc",
      "sha-256=:A",
      "=",
      "sha-256=(:AAAA:)",
      "SHA-256=:AAAA:",
      "sha-512=:AAAA:",
    ])("is refused when its digest cannot be read: %s", async (text) => {
      for (const field of ["Content-Digest", "Repr-Digest"]) {
        const data = randomBytes(50);
        const response = await send(registry.port, uploadOf(data, `${field}: ${text}`));
        expectRefused(response, 400, "invalid_digest");
        expect(jsonOf(response)["detail"]).toStartWith(field);
        expect(await statusAt(pathOf(data))).toBe(404);
      }
    });

    it.each(["gzip", "identity", ""])("is refused with Content-Encoding: %s", async (encoding) => {
      const data = randomBytes(50);
      const response = await send(registry.port, uploadOf(data, `Content-Encoding: ${encoding}`));
      expectRefused(response, 415, "unsupported_content_encoding");
      expect(await statusAt(pathOf(data))).toBe(404);
    });

    it.each(framings)("may have exactly --max-blob-size (%s)", async (framing) => {
      isStored(await send(registry.port, uploadOf(randomBytes(blobBytesMax)), framing));
    });

    it.each(framings)("may have not one byte more (%s)", async (framing) => {
      const before = await registry.rowCounts();
      const data = randomBytes(blobBytesMax + 1);
      expectRefused(await send(registry.port, uploadOf(data), framing), 413, "blob_too_large");
      await expectClear(before);
    });

    it("is refused as too large by what is announced, long before its end", async () => {
      const framingBytesMax = method === "PUT" ? 0 : limits.uploadFramingBytesMax;
      const connection = await connectRaw(registry.port);
      await connection.send(headOf(uploadOf(utf8("")), blobBytesMax + framingBytesMax + 1));
      const response = await answerOn(connection);
      expectRefused(response, 413, "blob_too_large");
      expect(jsonOf(response)["detail"]).toContain(` ${blobBytesMax} bytes`);
    });

    it.each([
      ["row, announced", 2000, false],
      ["row, chunked", 2000, true],
      ["segments, announced", 2.9 * mebibyte, false],
      ["segments, chunked", 2.9 * mebibyte, true],
    ])("leaves nothing when the client goes (%s), and may be sent again", async (...row) => {
      const [, bytes, isChunked] = row;
      const data = randomBytes(bytes);
      const upload = uploadOf(data);
      const before = await registry.rowCounts();
      const connection = await connectRaw(registry.port);
      await connection.send(headOf(upload, isChunked ? "chunked" : upload.body.length));
      const most = upload.body.subarray(0, Math.floor(0.99 * upload.body.length));
      await connection.send(isChunked ? chunkOf(most) : most);
      if (bytes > limits.inlineBlobBytesMax) {
        await eventually(async () => (await registry.rowCounts()).uploads > 0);
      } else {
        await eventually(() => registry.pendingRequests() > 0);
      }
      connection.destroy();
      await expectClear(before);
      isStored(await send(registry.port, upload));
    });
  });

  it("by POST is compared as a whole form, not as the blob in it", async () => {
    const data = randomBytes(50);
    const response = await send(registry.port, postOf(data, `Repr-Digest: ${sha256(data)}`));
    expectRefused(response, 400, "digest_mismatch");
  });

  it("logs no refusal and no client that went as a failure", () => {
    const levels = registry.lines.map(({ level }) => level);
    expect(levels.filter((level) => level === "warn" || level === "error")).toEqual([]);
  });
});

describe("bodies under way", () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await startRegistry({ inFlightBytesMax: 16 * mebibyte, blobBytesMax });
  });
  afterAll(() => registry.stop());

  const taken = (): number => registry.app.measures.inFlight.bytesTaken;
  const large = putOf(randomBytes(3 * mebibyte));
  const small = postOf(randomBytes(5000));

  /** Begins an upload and sends so many bytes of it. */
  async function begin(upload: RawUpload, framing: number | "chunked", bytes = 1) {
    const connection = await connectRaw(registry.port);
    await connection.send(headOf(upload, framing));
    const part = upload.body.subarray(0, bytes);
    if (bytes > 0) await connection.send(framing === "chunked" ? chunkOf(part) : part);
    return connection;
  }

  async function expectZero(): Promise<void> {
    await eventually(() => registry.pendingRequests() === 0);
    expect(registry.app.measures.inFlight).toMatchObject({ bytesTaken: 0, waiting: 0 });
  }

  it("are charged with what they hold, and given back however they end", async () => {
    const bytes = small.body.length;
    const cut = await begin(small, bytes);
    await eventually(() => taken() === bytes);
    const chunked = await begin(small, "chunked");
    const pieces = await begin(large, large.body.length);
    await eventually(() => taken() === bytes + 2 * limits.streamedUploadBytes);
    cut.destroy();
    await eventually(() => taken() === 2 * limits.streamedUploadBytes);
    await chunked.send("nonsense\r\n"); // no chunk begins so
    await eventually(() => taken() === limits.streamedUploadBytes);
    await pieces.send(large.body.subarray(1));
    expect((await answerOn(pieces)).status).toBe(201);
    chunked.destroy();
    await send(registry.port, postOf(randomBytes(10), "Content-Digest: sha-256=:AAAA:"));
    await send(registry.port, { ...small, body: utf8("no form") });
    await expectZero();
  });

  it("make large ones wait, and then refuse them unread, while small ones go on", async () => {
    const slow = await Promise.all([1, 2, 3].map(() => begin(large, large.body.length)));
    await eventually(() => taken() === 3 * limits.streamedUploadBytes);
    const refused = await connectRaw(registry.port);
    await refused.send(headOf(large, large.body.length));
    const response = await answerOn(refused);
    expectRefused(response, 503, "overloaded");
    expect(Number(response.headers["retry-after"])).toBeGreaterThan(0);
    expect((await send(registry.port, small)).status).toBe(200);
    const body = JSON.stringify({ hashes: ["0".repeat(64)] });
    const headers = { "Content-Type": "application/json" };
    const asked = await fetch(`${registry.api}/exists`, { method: "POST", body, headers });
    expect(asked.status).toBe(200);
    const waiting = send(registry.port, putOf(randomBytes(3 * mebibyte)));
    await eventually(() => registry.app.measures.inFlight.waiting === 1);
    slow[0]?.destroy();
    expect((await waiting).status).toBe(201);
    for (const connection of slow) connection.destroy();
    await expectZero();
  });

  interface Attempt {
    readonly bytes: number;
    readonly framing: Framing;
    readonly isForm: boolean;
    readonly end: "whole" | "cut" | "half-closed" | "mismatch" | "bad digest" | "too large";
  }

  async function attempt({ bytes, framing, isForm, end }: Attempt): Promise<void> {
    const data = randomBytes(end === "too large" ? 4 * mebibyte : bytes);
    const fields = end === "bad digest" ? ["Content-Digest: =;"] : [];
    const upload = (isForm ? postOf : putOf)(data, ...fields);
    const body = end === "mismatch" ? flipped(upload.body) : upload.body;
    if (end !== "cut" && end !== "half-closed") {
      await send(registry.port, { ...upload, body }, framing);
      return;
    }
    const announced = framing === "chunked" ? framing : body.length;
    const connection = await begin(upload, announced, Math.ceil(body.length / 2));
    if (end === "cut") connection.destroy();
    else connection.halfClose();
    await connection.ended;
    connection.destroy();
  }

  it("are given back whatever happens to many at once", async () => {
    const attempts = fc.record({
      bytes: fc.constantFrom(10, 5000, 100_000, 2.5 * mebibyte),
      framing: fc.constantFrom(...framings),
      isForm: fc.boolean(),
      end: fc.constantFrom<Attempt["end"][]>(
        "whole",
        "cut",
        "half-closed",
        "mismatch",
        "bad digest",
        "too large",
      ),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(attempts, { minLength: 4, maxLength: 24 }), async (several) => {
        await Promise.all(several.map(attempt));
        await expectZero();
      }),
      { numRuns: 20 },
    );
  });

  it("leave nothing, cut behind any byte", async () => {
    const before = await registry.rowCounts();
    for (const [, uploadOf] of waysIn) {
      for (const framing of framings) {
        const upload = uploadOf(randomBytes(40));
        const isChunked = framing === "chunked";
        const bytes = concatBytes(
          headOf(upload, isChunked ? framing : upload.body.length),
          isChunked ? concatBytes(chunkOf(upload.body), lastChunk) : upload.body,
        );
        // To Bun all has come with the line of the last chunk.
        const length = isChunked ? bytes.length - "\n\r\n".length + 1 : bytes.length;
        const offsets = Array.from({ length }, (_, offset) => offset);
        await inGroups(offsets, async (offset) => {
          const connection = await connectRaw(registry.port);
          if (offset > 0) await connection.send(bytes.subarray(0, offset));
          if (offset % 2 === 0) connection.destroy();
          else connection.halfClose(); // Bun takes that for a client that has gone
          await connection.ended;
          connection.destroy();
        });
      }
    }
    await expectZero();
    expect(await registry.rowCounts()).toEqual(before);
  });

  it("leave nothing of a large blob, cut somewhere", async () => {
    const before = await registry.rowCounts();
    const upload = postOf(randomBytes(3 * mebibyte));
    const cuts = [0, 1, 100, 1e6, 2 * mebibyte + 200, 2.5e6, 3 * mebibyte, upload.body.length - 1];
    for (const framing of [upload.body.length, "chunked"] as const) {
      await inGroups(cuts, async (bytes) => {
        const connection = await begin(upload, framing, bytes);
        connection.destroy();
        await connection.ended;
      });
    }
    await expectZero();
    await eventually(async () => (await registry.rowCounts()).uploads === 0);
    expect(await registry.rowCounts()).toEqual(before);
  });
});

/** Does `work` for all items, a few at a time. */
async function inGroups<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const group = 40;
  for (let start = 0; start < items.length; start += group) {
    await Promise.all(items.slice(start, start + group).map(work));
  }
}

function expectRefused(response: RawResponse, status: number, code: string): void {
  expect(jsonOf(response)).toMatchObject({ status, code });
  expect(response.status).toBe(status);
  expect(response.headers["connection"]).toBe("close");
  expect(response.headers["cache-control"]).toBe("no-store");
}
