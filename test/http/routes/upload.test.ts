import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { createHashing } from "../../../src/hashing/blake3.ts";
import { toHex, type Bytes } from "../../../src/domain/bytes.ts";
import { formBody, uploaderBody, utf8, type FormRequest } from "../../support/form.ts";
import { randomBytes, stores } from "../../support/registry.ts";
import { vectors } from "../../support/vectors.ts";
import { connectRaw } from "../../support/raw-http.ts";

const hashing = createHashing();
const hasCurl = Bun.which("curl") !== null;

/** Every byte there is, and what text would spoil. */
const awkward = new Uint8Array([
  ...Array(256).keys(),
  ...utf8("\r\n--\r\n\r\n"),
  0,
  0xff,
  0xfe,
  0xc3,
  0x28,
  13,
  10,
]);

const chunked = (pieces: readonly Bytes[]): Buffer =>
  Buffer.concat([
    ...pieces.flatMap((piece) => [
      Buffer.from(`${piece.length.toString(16)}\r\n`),
      piece,
      Buffer.from("\r\n"),
    ]),
    Buffer.from("0\r\n\r\n"),
  ]);

const requestHead = ({ contentType }: FormRequest, framing: string): string =>
  `POST /api/v1/metadata HTTP/1.1\r\nHost: r\r\nContent-Type: ${contentType}\r\n${framing}\r\n\r\n`;

const withLength = (form: FormRequest): string =>
  requestHead(form, `Content-Length: ${form.body.length}`);

describe.each(stores)("POST /api/v1/metadata (%s)", (_, start) => {
  let registry: Awaited<ReturnType<typeof start>>;
  beforeAll(async () => {
    registry = await start();
  });
  afterAll(() => registry.stop());

  const post = ({ contentType, body }: FormRequest): Promise<Response> =>
    fetch(registry.api, { method: "POST", body, headers: { "Content-Type": contentType } });

  /** Both keys, in lower, upper and mixed case, give exactly these bytes. */
  async function expectStored(bytes: Bytes): Promise<void> {
    const hex = toHex(hashing.hash(bytes));
    const mixed = hex.replace(/[a-f]/, (digit) => digit.toUpperCase());
    for (const text of [hex, hex.toUpperCase(), mixed]) {
      for (const key of [text, text.slice(0, 32)]) {
        const response = await fetch(`${registry.api}/${key}`);
        expect(response.status).toBe(200);
        expect(await response.bytes()).toEqual(bytes);
      }
    }
  }

  it("takes what the existing uploader sends, and says where it is", async () => {
    const response = await post(uploaderBody(awkward));
    const hex = toHex(hashing.hash(awkward));
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ hash: hex, size: awkward.length, created: true });
    expect(response.headers.get("location")).toBe(`/api/v1/metadata/${hex}`);
    expect(response.headers.get("etag")).toBe(`"${hex}"`);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get("cache-control")).toBe("no-store");
    await expectStored(awkward);
  });

  it.each(vectors)("takes the blob of an uploader of old: $name", async ({ hash, data }) => {
    expect(await (await post(uploaderBody(data))).json()).toMatchObject({ hash: toHex(hash) });
    await expectStored(data);
  });

  it("says of a known blob that it did not create it, with the same answer else", async () => {
    const form = uploaderBody(utf8("twice"));
    const first = (await (await post(form)).json()) as object;
    const before = await registry.rowCounts();
    const second = await post(form);
    expect(second.status).toBe(200);
    expect(await second.json()).toEqual({ ...first, created: false });
    expect(await registry.rowCounts()).toEqual(before);
  });

  it("takes the empty blob", async () => {
    const receipt = await (await post(uploaderBody(new Uint8Array(0)))).json();
    expect(receipt).toMatchObject({ size: 0 });
    await expectStored(new Uint8Array(0));
  });

  it.each(["Blob", "File", "text"])("takes a form of fetch with a %s", async (kind) => {
    const bytes = kind === "text" ? utf8("a text, für alle") : randomBytes(3000);
    const form = new FormData();
    if (kind === "Blob") form.append("data", new Blob([bytes]));
    else if (kind === "File") form.append("data", new File([bytes], "a.bin"));
    else form.append("data", "a text, für alle");
    const response = await fetch(registry.api, { method: "POST", body: form });
    expect(await response.json()).toMatchObject({ size: bytes.length, created: true });
    await expectStored(bytes);
  });

  it.skipIf(!hasCurl).each(["a file", "standard input"])("takes %s from curl", async (source) => {
    const bytes = randomBytes(100_000);
    const path = `${registry.directory}/curl.bin`;
    await Bun.write(path, bytes);
    const field = source === "a file" ? `data=@${path}` : "data=@-";
    const curl = Bun.spawn(["curl", "-sS", "-F", field, registry.api], {
      stdin: source === "a file" ? null : bytes,
      stdout: "pipe",
      stderr: "inherit",
    });
    const answer = await curl.stdout.text();
    expect(JSON.parse(answer)).toMatchObject({ size: bytes.length, created: true });
    await expectStored(bytes);
  });

  it("takes the first of several data parts, among others", async () => {
    const boundary = "several";
    const body = formBody({
      boundary,
      preamble: "to whom it may concern",
      parts: [
        { name: "comment", data: "ignored" },
        { name: "data", filename: "x", headers: ["Content-Type: text/plain"], data: awkward },
        { name: "data", data: "second" },
      ],
      epilogue: "yours sincerely",
    });
    const response = await post({ contentType: `multipart/form-data; boundary=${boundary}`, body });
    expect(await response.json()).toMatchObject({ hash: toHex(hashing.hash(awkward)) });
  });

  it("takes a body that comes one byte at a time", async () => {
    const bytes = randomBytes(500);
    const form = uploaderBody(bytes);
    const connection = await connectRaw(registry.port);
    await connection.send(withLength(form));
    for (const byte of form.body) await connection.send(new Uint8Array([byte]));
    expect((await connection.response()).status).toBe(200);
    connection.destroy();
    await expectStored(bytes);
  });

  it("takes a chunked body, whatever the sizes of its chunks", async () => {
    const bytes = randomBytes(5000);
    const form = uploaderBody(bytes);
    const pieces: Bytes[] = [];
    let size = 1;
    for (let at = 0; at < form.body.length; at += size) {
      size = (size * 3) % 257;
      pieces.push(form.body.subarray(at, at + size));
    }
    const connection = await connectRaw(registry.port);
    await connection.send(requestHead(form, "Transfer-Encoding: chunked"));
    await connection.send(chunked(pieces));
    expect((await connection.response()).status).toBe(200);
    connection.destroy();
    await expectStored(bytes);
  });

  it("answers 100 to a client that expects it, then takes the body", async () => {
    const form = uploaderBody(utf8("expected"));
    const connection = await connectRaw(registry.port);
    await connection.send(
      requestHead(form, `Content-Length: ${form.body.length}\r\nExpect: 100-continue`),
    );
    expect((await connection.response()).status).toBe(100);
    await connection.send(form.body);
    expect((await connection.response()).status).toBe(200);
    connection.destroy();
  });

  it("leaves conditions to PUT, whose target is the blob", async () => {
    const form = uploaderBody(utf8("unconditional"));
    for (const condition of ["If-None-Match: *", "If-Match: *", 'If-Match: "no"']) {
      const connection = await connectRaw(registry.port);
      await connection.send(
        requestHead(form, `Content-Length: ${form.body.length}\r\n${condition}`),
      );
      await connection.send(form.body);
      expect((await connection.response()).status).toBe(200);
      connection.destroy();
    }
  });

  it("takes an upload without a host, from an HTTP/1.0 client", async () => {
    const form = uploaderBody(utf8("no host"));
    const connection = await connectRaw(registry.port);
    await connection.send(withLength(form).replace("HTTP/1.1\r\nHost: r", "HTTP/1.0"));
    await connection.send(form.body);
    expect((await connection.response()).status).toBe(200);
    connection.destroy();
  });
});
