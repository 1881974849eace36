import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { connectRaw } from "../support/raw-http.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";

const mebibyte = 1024 * 1024;

describe("a refused body", () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await startRegistry({ blobBytesMax: 4 * mebibyte });
  });
  afterAll(() => registry.stop());

  const head = (method: string, path: string, type: string): string =>
    `${method} ${path} HTTP/1.1\r\nHost: r\r\nContent-Type: ${type}\r\n` +
    `Content-Length: ${20 * mebibyte}\r\n\r\n`;

  it.each([
    ["POST", "/api/v1/metadata", "multipart/form-data; boundary=x", 413],
    ["POST", "/api/v1/metadata", "text/plain", 415],
    ["PUT", "/api/v1/metadata", "text/plain", 405],
    ["POST", "/nowhere", "text/plain", 404],
  ])("%s %s as %s: who reads only after sending all gets %d", async (...row) => {
    const [method, path, type, status] = row;
    const connection = await connectRaw(registry.port);
    connection.pause();
    await connection.send(head(method, path, type));
    await connection.send(new Uint8Array(20 * mebibyte));
    connection.resume();
    const response = await connection.response();
    expect(response.status).toBe(status);
    expect(response.headers["connection"]).toBe("close");
    expect(response.isComplete).toBe(true);
    expect(await connection.ended).toBe("closed");
  });

  it("is answered although the rest of it does not come", async () => {
    const connection = await connectRaw(registry.port);
    await connection.send(head("POST", "/api/v1/metadata", "multipart/form-data; boundary=x"));
    expect((await connection.response()).status).toBe(413);
    expect(await connection.ended).toBe("closed");
  });

  it("is not waited for when its client has gone", async () => {
    const connection = await connectRaw(registry.port);
    await connection.send(head("POST", "/api/v1/metadata", "text/plain"));
    connection.destroy();
    while (registry.pendingRequests() > 0) await Bun.sleep(5);
    expect(registry.lines.filter(({ level }) => level !== "info")).toEqual([]);
  });
});
