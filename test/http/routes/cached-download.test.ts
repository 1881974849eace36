import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import type { TestRegistry } from "../../support/registry.ts";
import { randomBytes, stores } from "../../support/registry.ts";
import { formBody } from "../../support/form.ts";

const mebibyte = 1024 * 1024;
const boundary = "cached";
const contentType = `multipart/form-data; boundary=${boundary}`;

describe.each(stores)("GET of a cached blob (%s)", (_, start) => {
  let registry: TestRegistry;
  let hash: string;
  const data = randomBytes(600);

  beforeAll(async () => {
    registry = await start({ cacheBytesMax: 16 * mebibyte });
    const body = formBody({ boundary, parts: [{ name: "data", data }] });
    const response = await fetch(registry.api, {
      method: "POST",
      body,
      headers: { "content-type": contentType },
    });
    ({ hash } = (await response.json()) as { hash: string });
  });
  afterAll(() => registry.stop());

  const get = async (path: string, init: RequestInit = {}): Promise<Response> =>
    await fetch(`${registry.url}${path}`, init);

  it("is what it was when it came from the database, every time", async () => {
    const fresh = await get(`/api/v1/metadata/${hash}`);
    const freshBody = await fresh.bytes();
    expect(freshBody).toEqual(data);
    for (const digits of [hash, hash.slice(0, 32), hash]) {
      const cached = await get(`/api/v1/metadata/${digits}`);
      expect(cached.status).toBe(200);
      expect(await cached.bytes()).toEqual(data);
      expect(fieldsOf(cached)).toEqual(fieldsOf(fresh));
    }
  });

  it("is found by any case of digits, and with a query", async () => {
    for (const path of [hash.toUpperCase(), `${hash.slice(0, 32)}?key=00`]) {
      expect(await (await get(`/api/v1/metadata/${path}`)).bytes()).toEqual(data);
    }
  });

  it("is not an answer to anything else", async () => {
    await get(`/api/v1/metadata/${hash}`);
    const head = await get(`/api/v1/metadata/${hash}`, { method: "HEAD" });
    expect(head.headers.get("content-length")).toBe("600");
    expect((await get(`/api/v1/metadata/${hash}`, { method: "POST" })).status).toBe(405);
    expect((await get(`/api/v1/metadata/${hash}/`)).status).toBe(404);
    expect((await get(`/x/api/v1/metadata/${hash}`)).status).toBe(404);
    expect((await get(`/api/v1/metadata/${hash.slice(0, 33)}`)).status).toBe(400);
    const sameBeginning = `${hash.slice(0, 32)}${"0".repeat(32)}`;
    expect((await get(`/api/v1/metadata/${sameBeginning}`)).status).toBe(404);
  });

  it("is counted", async () => {
    const before = { ...registry.counters, ok: registry.counters.responses[200] ?? 0 };
    await (await get(`/api/v1/metadata/${hash}`)).bytes();
    expect(registry.counters.bytesSent - before.bytesSent).toBe(600);
    expect((registry.counters.responses[200] ?? 0) - before.ok).toBe(1);
  });

  it("comes whole to many at once", async () => {
    const path = `/api/v1/metadata/${hash}`;
    const bodies = await Promise.all(
      Array.from({ length: 200 }, async () => await (await get(path)).bytes()),
    );
    expect(bodies.every((body) => Buffer.compare(body, data) === 0)).toBe(true);
  });
});

function fieldsOf({ headers }: Response): Record<string, string> {
  const fields = Object.fromEntries(headers.entries());
  delete fields["date"];
  return fields;
}
