import { afterAll, afterEach, beforeAll, describe, expect, it } from "bun:test";
import { connectRaw, type RawConnection } from "../support/raw-http.ts";
import { eventually, startRegistry, type TestRegistry } from "../support/registry.ts";

const mebibyte = 1024 * 1024;

describe("a refused body", () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await startRegistry({ blobBytesMax: 4 * mebibyte });
  });
  afterAll(() => registry.stop());
  afterEach(() => {
    expect(registry.lines.filter(({ level }) => level !== "info")).toEqual([]);
  });

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
    await eventually(() => registry.pendingRequests() === 0);
  });

  describe("that goes on coming", () => {
    /** Sends small pieces until the answer begins; resolves with how many bytes are left. */
    async function sendUntilAnswered(connection: RawConnection): Promise<number> {
      let left = 20 * mebibyte;
      while (connection.received() === 0) {
        await connection.send(new Uint8Array(1000));
        left -= 1000;
        await Bun.sleep(5);
      }
      return left;
    }

    it("is answered at once, by an answer that ends with the body", async () => {
      const connection = await connectRaw(registry.port);
      await connection.send(head("POST", "/api/v1/metadata", "text/plain"));
      const left = await sendUntilAnswered(connection);
      await connection.send(new Uint8Array(left));
      const { status, headers, body, isComplete } = await connection.response();
      expect(status).toBe(415);
      expect(headers["transfer-encoding"]).toBe("chunked");
      expect(headers["connection"]).toBe("close");
      expect(headers["content-type"]).toBe("application/problem+json");
      expect(isComplete).toBe(true);
      expect(JSON.parse(Buffer.from(body).toString())).toMatchObject({ status: 415 });
      expect(await connection.ended).toBe("closed");
    });

    it("is answered to the end when it stops coming", async () => {
      const connection = await connectRaw(registry.port);
      await connection.send(head("POST", "/nowhere", "text/plain"));
      await sendUntilAnswered(connection);
      const response = await connection.response();
      expect(response.status).toBe(404);
      expect(response.isComplete).toBe(true);
      expect(await connection.ended).toBe("closed");
    });

    it("is answered without chunks to HTTP/1.0", async () => {
      const connection = await connectRaw(registry.port);
      await connection.send(head("POST", "/nowhere", "text/plain").replace("1.1", "1.0"));
      await sendUntilAnswered(connection);
      const { status, headers, body } = await connection.response();
      expect(status).toBe(404);
      expect(headers["transfer-encoding"]).toBeUndefined();
      expect(JSON.parse(Buffer.from(body).toString())).toMatchObject({ status: 404 });
    });

    it("is not waited for when its client goes then", async () => {
      const connection = await connectRaw(registry.port);
      await connection.send(head("POST", "/nowhere", "text/plain"));
      await sendUntilAnswered(connection);
      connection.destroy();
      await eventually(() => registry.pendingRequests() === 0);
    });
  });
});
