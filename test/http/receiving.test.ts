import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { CryptoHasher } from "bun";
import type { Bytes } from "../../src/domain/bytes.ts";
import { limits } from "../../src/domain/limits.ts";
import { flipped } from "../support/damage.ts";
import { utf8 } from "../support/form.ts";
import { connectRaw, type RawResponse } from "../support/raw-http.ts";
import {
  answerOn,
  chunkOf,
  framings,
  headOf,
  jsonOf,
  pathOf,
  send,
  waysIn,
  type Framing,
} from "../support/raw-upload.ts";
import { eventually, randomBytes, stores, type RowCounts } from "../support/registry.ts";

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

  function expectRefused(response: RawResponse, status: number, code: string): void {
    expect(jsonOf(response)).toMatchObject({ status, code });
    expect(response.status).toBe(status);
    expect(response.headers["connection"]).toBe("close");
    expect(response.headers["cache-control"]).toBe("no-store");
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
    const [[, postOf]] = waysIn;
    const data = randomBytes(50);
    const response = await send(registry.port, postOf(data, `Repr-Digest: ${sha256(data)}`));
    expectRefused(response, 400, "digest_mismatch");
  });

  it("logs no refusal and no client that went as a failure", () => {
    const levels = registry.lines.map(({ level }) => level);
    expect(levels.filter((level) => level === "warn" || level === "error")).toEqual([]);
  });
});
