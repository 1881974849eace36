import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { uploaderBody, utf8 } from "../support/form.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";

const unknown = "0123456789abcdef".repeat(4);

describe("the counters", () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await startRegistry();
  });
  afterAll(() => registry.stop());

  function post(text: string): Promise<Response> {
    const { body, contentType } = uploaderBody(utf8(text));
    return fetch(registry.api, { method: "POST", body, headers: { "Content-Type": contentType } });
  }

  it("count every answer by its status", async () => {
    const ask = (path: string, method = "GET") => fetch(`${registry.url}${path}`, { method });
    await ask("/healthz");
    await ask("/readyz", "HEAD");
    await ask("/swagger/json");
    await ask(`/api/v1/metadata/${unknown}`);
    await ask(`/api/v1/metadata/${unknown}`, "HEAD");
    await ask("/nowhere");
    await ask("/api/v1/metadata/xyz");
    await ask("/api/v1/metadata", "DELETE");
    await ask("/api/v1/metadata", "OPTIONS");
    await ask("/api/v1/metadata", "POST");
    expect(registry.counters.responses).toEqual({
      200: 3,
      204: 1,
      400: 1,
      404: 3,
      405: 1,
      415: 1,
    });
  });

  it("count blobs stored, and uploads of blobs that were there", async () => {
    await post("first");
    await post("second");
    await post("first");
    expect(registry.counters).toMatchObject({ blobsCreated: 2, blobsKnown: 1, bytesReceived: 16 });
  });

  it("count one blob created, of uploads that come at once", async () => {
    const { blobsCreated, blobsKnown } = registry.counters;
    const answers = await Promise.all(Array.from({ length: 20 }, () => post("at once")));
    const receipts = await Promise.all(answers.map((answer) => answer.json()));
    const created = receipts.filter((receipt) => (receipt as { created: boolean }).created);
    expect(created.length).toBe(1);
    expect(registry.counters.blobsCreated).toBe(blobsCreated + 1);
    expect(registry.counters.blobsKnown).toBe(blobsKnown + 19);
  });

  it("count the bytes sent, not those that HEAD spares", async () => {
    const { hash } = (await (await post("sent")).json()) as { hash: string };
    const before = registry.counters.bytesSent;
    await (await fetch(`${registry.api}/${hash}`)).bytes();
    await fetch(`${registry.api}/${hash}`, { method: "HEAD" });
    expect(registry.counters.bytesSent - before).toBe(4);
  });
});
