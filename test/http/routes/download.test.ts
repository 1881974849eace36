import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { createHashing } from "../../../src/hashing/blake3.ts";
import { toHex, type Bytes } from "../../../src/domain/bytes.ts";
import { uploaderBody, utf8 } from "../../support/form.ts";
import { rawRequest } from "../../support/raw-http.ts";
import { randomBytes, stores } from "../../support/registry.ts";

const hashing = createHashing();
const unknown = "0123456789abcdef".repeat(4);

describe.each(stores)("GET /api/v1/metadata/{hash} (%s)", (storeName, start) => {
  let registry: Awaited<ReturnType<typeof start>>;
  beforeAll(async () => {
    registry = await start();
  });
  afterAll(() => registry.stop());

  async function store(bytes: Bytes): Promise<string> {
    const { body, contentType } = uploaderBody(bytes);
    const headers = { "Content-Type": contentType };
    const response = await fetch(registry.api, { method: "POST", body, headers });
    expect(response.status).toBe(200);
    return toHex(hashing.hash(bytes));
  }

  async function spoil(hex: string): Promise<void> {
    const [bytes, key] =
      storeName === "SQLite"
        ? ["x'00'", `x'${hex}'`]
        : ["'\\x00'::bytea", `decode('${hex}', 'hex')`];
    const text = `UPDATE blobs SET data = ${bytes}, size = 1 WHERE hash = ${key}`;
    expect((await registry.database.query("write", text)).count).toBe(1);
  }

  it("gives the bytes with all that a cache may want to know", async () => {
    const bytes = randomBytes(600);
    const hex = await store(bytes);
    for (const key of [hex, hex.slice(0, 32)]) {
      const response = await fetch(`${registry.api}/${key}`);
      expect(response.status).toBe(200);
      expect(await response.bytes()).toEqual(bytes);
      expect(Object.fromEntries(response.headers)).toEqual({
        "content-type": "application/octet-stream",
        "content-length": "600",
        etag: `"${hex}"`,
        "cache-control": "public, max-age=31536000, immutable",
        "x-content-type-options": "nosniff",
        "access-control-allow-origin": "*",
        date: expect.any(String),
      });
    }
  });

  it.each([0, 600, 3 * 1024 * 1024])(
    "HEAD of %d bytes gives the headers of GET, save the date, and no byte",
    async (size) => {
      const hex = await store(randomBytes(size));
      for (const key of [hex, hex.slice(0, 32)]) {
        const path = `/api/v1/metadata/${key} HTTP/1.1\r\nHost: r\r\n\r\n`;
        const get = await rawRequest(registry.port, `GET ${path}`);
        const head = await rawRequest(registry.port, `HEAD ${path}`);
        const { date: _, ...headers } = get.headers;
        expect(head.status).toBe(200);
        expect(head.headers).toEqual(headers);
      }
    },
  );

  it.each(["GET", "HEAD"])("%s of an unknown blob is 404, for no cache to keep", async (method) => {
    for (const key of [unknown, unknown.slice(0, 32)]) {
      const response = await fetch(`${registry.api}/${key}`, { method });
      expect(response.status).toBe(404);
      expect(response.headers.get("cache-control")).toBe("no-store");
      expect(response.headers.get("content-type")).toBe("application/problem+json");
      if (method === "HEAD") continue;
      expect(await response.json()).toEqual({
        type: "urn:mycelium-registry:not_found",
        title: "Not Found",
        status: 404,
        code: "not_found",
        detail: "No blob has this key here.",
      });
    }
  });

  it("an unknown blob is there as soon as it has been uploaded", async () => {
    const bytes = utf8("soon");
    const hex = toHex(hashing.hash(bytes));
    expect((await fetch(`${registry.api}/${hex}`)).status).toBe(404);
    await store(bytes);
    expect((await fetch(`${registry.api}/${hex}`)).status).toBe(200);
  });

  it.each([
    [unknown.slice(0, 31), "invalid_key_length"],
    [unknown.slice(0, 33), "invalid_key_length"],
    [unknown.slice(0, 63), "invalid_key_length"],
    [`${unknown}0`, "invalid_key_length"],
    [`${unknown.slice(0, 63)}g`, "invalid_key_digit"],
    [`g${unknown.slice(0, 31)}`, "invalid_key_digit"],
    [`0x${unknown.slice(0, 62)}`, "invalid_key_digit"],
    ["%zz", "invalid_key_length"],
    ["%ff%fe", "invalid_key_length"],
    [`%zz${unknown.slice(0, 61)}`, "invalid_key_digit"],
    ["%00", "invalid_key_length"],
    ["a%2Fb", "invalid_key_length"],
  ])("refuses the key %p with %s", async (key, code) => {
    const path = `/api/v1/metadata/${key} HTTP/1.1\r\nHost: r\r\n\r\n`;
    const response = await rawRequest(registry.port, `GET ${path}`);
    expect(response.status).toBe(400);
    expect(response.headers["content-type"]).toBe("application/problem+json");
    expect(JSON.parse(Buffer.from(response.body).toString())).toMatchObject({ status: 400, code });
    expect((await rawRequest(registry.port, `HEAD ${path}`)).status).toBe(400);
  });

  it("never gives bytes that do not match their key, and logs the key", async () => {
    const hex = await store(utf8("to be spoilt"));
    await spoil(hex);
    const before = registry.counters.blobsCorrupt;
    const response = await fetch(`${registry.api}/${hex}`);
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({ code: "corrupt_blob" });
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(registry.counters.blobsCorrupt).toBe(before + 1);
    const line = registry.lines.findLast(({ level }) => level === "error");
    expect(JSON.stringify(line)).toContain(hex);
  });

  it("gives them again once the true bytes have been uploaded", async () => {
    const bytes = utf8("to be repaired");
    const hex = await store(bytes);
    await spoil(hex);
    const before = registry.counters.blobsRepaired;
    await store(bytes);
    expect(registry.counters.blobsRepaired).toBe(before + 1);
    expect(await (await fetch(`${registry.api}/${hex}`)).bytes()).toEqual(bytes);
  });
});
