import { afterAll, afterEach, beforeAll, describe, expect, it } from "bun:test";
import { RegistryError } from "../../src/domain/errors.ts";
import { toProblem, toRegistryError } from "../../src/http/problem.ts";
import {
  declaredBytesOf,
  isReadWhole,
  readBodyPieces,
  readWholeBody,
  type BodyPace,
  type TakePiece,
} from "../../src/http/upload-body.ts";
import { hostileForms } from "../support/hostile-forms.ts";
import { concatBytes, uploaderBody, utf8, type FormRequest } from "../support/form.ts";
import {
  connectRaw,
  rawRequest,
  type RawConnection,
  type RawResponse,
} from "../support/raw-http.ts";
import { eventually, nothingStored, randomBytes, stores } from "../support/registry.ts";

const mebibyte = 1024 * 1024;
const blobBytesMax = 4 * mebibyte;

function requestHead(contentType: string | null, framing: string): string {
  const type = contentType === null ? "" : `Content-Type: ${contentType}\r\n`;
  return `POST /api/v1/metadata HTTP/1.1\r\nHost: r\r\n${type}${framing}\r\n\r\n`;
}

/** The bytes of a header as they are, whatever letters stand for them. */
const latin1 = (text: string): Buffer => Buffer.from(text, "latin1");

const withLength = (contentType: string | null, length: number): Buffer =>
  latin1(requestHead(contentType, `Content-Length: ${length}`));

function problemOf(response: RawResponse): Record<string, unknown> {
  expect(response.headers["content-type"]).toBe("application/problem+json");
  expect(response.headers["cache-control"]).toBe("no-store");
  expect(response.isComplete).toBe(true);
  return JSON.parse(Buffer.from(response.body).toString()) as Record<string, unknown>;
}

describe.each(stores)("a refused upload (%s)", (_, start) => {
  let registry: Awaited<ReturnType<typeof start>>;
  beforeAll(async () => {
    registry = await start({ blobBytesMax });
  });
  afterAll(() => registry.stop());

  const isClear = async (): Promise<void> => {
    await eventually(() => registry.pendingRequests() === 0);
    await eventually(async () => (await registry.rowCounts()).uploads === 0);
    expect(await registry.rowCounts()).toEqual(nothingStored);
  };

  function expectRefused(response: RawResponse, status: number, code: string): void {
    expect(problemOf(response)).toEqual({
      type: `urn:mycelium-registry:${code}`,
      title: expect.any(String),
      status,
      code,
      detail: expect.stringMatching(/\w.*\.$/),
    });
    expect(response.status).toBe(status);
    expect(response.headers["connection"]).toBe("close");
  }

  it.each(hostileForms)("refuses $name with $code, and stores nothing", async (form) => {
    const { contentType, body, code } = form;
    const connection = await connectRaw(registry.port);
    await connection.send(withLength(contentType, body.length));
    connection.send(body).catch(() => {}); // the answer may come before all of it is read
    const response = await connection.response();
    if (body.length === 0) expect(problemOf(response)).toMatchObject({ status: 400, code });
    else expectRefused(response, code === "unsupported_media_type" ? 415 : 400, code);
    connection.destroy();
    expect(await registry.rowCounts()).toEqual(nothingStored);
  });

  it.each(hostileForms.filter(({ body }) => body.length > 0 && body.length < 1000))(
    "refuses $name just so when it comes in chunks of a few bytes",
    async ({ contentType, body, code }) => {
      const connection = await connectRaw(registry.port);
      await connection.send(latin1(requestHead(contentType, "Transfer-Encoding: chunked")));
      const chunks: string[] = [];
      for (let index = 0; index < body.length; index += 3) {
        const chunk = Buffer.from(body.subarray(index, index + 3));
        chunks.push(`${chunk.length}\r\n${chunk.toString("latin1")}\r\n`);
      }
      connection.send(latin1(`${chunks.join("")}0\r\n\r\n`)).catch(() => {});
      expectRefused(
        await connection.response(),
        code === "unsupported_media_type" ? 415 : 400,
        code,
      );
      connection.destroy();
      expect(await registry.rowCounts()).toEqual(nothingStored);
    },
  );

  it("says that a body is too large by what it announces, before all of it is sent", async () => {
    const form = uploaderBody(new Uint8Array(0));
    const connection = await connectRaw(registry.port);
    await connection.send(withLength(form.contentType, blobBytesMax + mebibyte + 1));
    const sending = connection.send(new Uint8Array(blobBytesMax));
    expectRefused(await connection.response(), 413, "blob_too_large");
    connection.destroy();
    await sending.catch(() => {});
    await isClear();
  });

  it("counts what announces no length, and refuses it past the limit", async () => {
    const form = uploaderBody(new Uint8Array(blobBytesMax + 1));
    const connection = await connectRaw(registry.port);
    await connection.send(requestHead(form.contentType, "Transfer-Encoding: chunked"));
    connection
      .send(concatBytes(`${form.body.length.toString(16)}\r\n`, form.body, "\r\n"))
      .catch(() => {});
    expectRefused(await connection.response(), 413, "blob_too_large");
    connection.destroy();
    await isClear();
  });

  it("refuses one byte over the limit, announced or not", async () => {
    const form = uploaderBody(new Uint8Array(blobBytesMax + 1));
    const connection = await connectRaw(registry.port);
    await connection.send(withLength(form.contentType, form.body.length));
    connection.send(form.body).catch(() => {});
    expectRefused(await connection.response(), 413, "blob_too_large");
    connection.destroy();
    await isClear();
  });

  it.each(["gzip", "identity", "br, gzip"])("refuses Content-Encoding: %s", async (encoding) => {
    const { contentType, body } = uploaderBody(utf8("bytes"));
    const framing = `Content-Encoding: ${encoding}\r\nContent-Length: ${body.length}`;
    const request = concatBytes(requestHead(contentType, framing), body);
    const response = await rawRequest(registry.port, request);
    expectRefused(response, 415, "unsupported_content_encoding");
  });

  it("leaves nothing of an upload whose client goes in the middle", async () => {
    const { contentType, body } = uploaderBody(randomBytes(4 * mebibyte));
    const connection = await connectRaw(registry.port);
    await connection.send(withLength(contentType, body.length));
    await connection.send(body.subarray(0, 3.5 * mebibyte));
    await eventually(async () => (await registry.rowCounts()).blob_segments > 0);
    connection.destroy();
    await isClear();
  });

  it("stores nothing of a client that half-closes, which is gone for Bun", async () => {
    const { contentType, body } = uploaderBody(utf8("bytes"));
    const connection = await connectRaw(registry.port);
    await connection.send(withLength(contentType, body.length));
    await connection.send(body.subarray(0, 20));
    connection.halfClose();
    await connection.ended; // Bun takes the half-closed connection for a closed one
    await isClear();
  });

  it("logs no refusal and no client that went as a failure", () => {
    const levels = registry.lines.map(({ level }) => level);
    expect(levels.filter((level) => level === "warn" || level === "error")).toEqual([]);
  });
});

describe.each(stores)("an upload at the limit (%s)", (_, start) => {
  let registry: Awaited<ReturnType<typeof start>>;
  beforeAll(async () => {
    registry = await start({ blobBytesMax });
  });
  afterAll(() => registry.stop());

  it("takes a blob of exactly --max-blob-size, other parts besides", async () => {
    const bytes = randomBytes(blobBytesMax);
    const form: FormRequest = uploaderBody(bytes);
    const response = await fetch(registry.api, {
      method: "POST",
      body: form.body,
      headers: { "Content-Type": form.contentType },
    });
    expect(response.status).toBe(200);
    const { hash } = (await response.json()) as { readonly hash: string };
    expect(await (await fetch(`${registry.api}/${hash}`)).bytes()).toEqual(bytes);
  });
});

describe("a body that does not arrive in time", () => {
  let server: Bun.Server<undefined>;
  afterEach(() => server.stop(true));

  const soonMs = 50;
  const soon = { uploadStepBytes: 1000, uploadStepMsMax: soonMs };

  /** Reads a body at this pace or above, and refuses as the registry does. */
  function startReader(pace: BodyPace, take: TakePiece = async () => {}): void {
    server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      async fetch(request) {
        try {
          if (isReadWhole(declaredBytesOf(request))) await readWholeBody(request, pace);
          else await readBodyPieces(request, take, pace);
          return new Response("whole");
        } catch (error) {
          return toProblem(toRegistryError(error), { Connection: "close" });
        }
      },
    });
  }

  async function sendPart(framing: string): Promise<RawConnection> {
    const connection = await connectRaw(server.port ?? 0);
    await connection.send(`${requestHead("text/plain", framing)}4\r\npart\r\n`);
    return connection;
  }

  it.each([
    ["small", "Content-Length: 5000"],
    ["large", "Content-Length: 9000000"],
    ["chunked", "Transfer-Encoding: chunked"],
  ])("is refused with 408 and its connection closed: %s", async (_, framing) => {
    startReader(soon);
    const connection = await sendPart(framing);
    const response = await connection.response();
    expect(response.status).toBe(408);
    expect(problemOf(response)).toMatchObject({ code: "request_timeout" });
    expect(await connection.ended).toBe("closed");
  });

  it("is not blamed for the time that taking it costs", async () => {
    startReader(soon, () => Bun.sleep(3 * soonMs));
    const connection = await sendPart("Transfer-Encoding: chunked");
    await connection.send("0\r\n\r\n");
    expect((await connection.response()).status).toBe(200);
    connection.destroy();
  });

  it("is called truncated when its client has gone", async () => {
    const { promise: failure, resolve: failed } = Promise.withResolvers<unknown>();
    server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      async fetch(request) {
        await readWholeBody(request).catch(failed);
        return new Response();
      },
    });
    const connection = await sendPart("Content-Length: 1000");
    while (server.pendingRequests === 0) await Bun.sleep(1);
    connection.destroy();
    const error = await failure;
    expect(error).toBeInstanceOf(RegistryError);
    expect(error).toMatchObject({ code: "truncated_body" });
  });
});
