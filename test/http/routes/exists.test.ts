import { afterAll, afterEach, beforeAll, describe, expect, it, spyOn } from "bun:test";
import { toHex, type Bytes } from "../../../src/domain/bytes.ts";
import { limits } from "../../../src/domain/limits.ts";
import { openPostgres } from "../../../src/storage/postgres/open.ts";
import { hashing, shortKey } from "../../support/blobs.ts";
import { flipped, insertRow, overwriteRow } from "../../support/damage.ts";
import { optionsOf } from "../../support/databases.ts";
import { concatBytes, utf8 } from "../../support/form.ts";
import { legacyForms, makeLegacyDatabase } from "../../support/legacy-database.ts";
import { sharedPostgres } from "../../support/postgres.ts";
import { connectRaw } from "../../support/raw-http.ts";
import {
  answerOn,
  chunked,
  chunkOf,
  headOf,
  jsonOf,
  putOf,
  send,
  type RawUpload,
} from "../../support/raw-upload.ts";
import { randomBytes, startRegistry, stores, type TestRegistry } from "../../support/registry.ts";
import { vectors } from "../../support/vectors.ts";

const path = "/api/v1/metadata/exists";
const json = "application/json";

const digitsOf = (data: Bytes): string => toHex(hashing.hash(data));
const randomDigits = (): string => toHex(randomBytes(32));

/** A list as long as `bytes` says, the whole of it blank but the end. */
const blankList = (bytes: number): Bytes => utf8('{"hashes": []}'.padStart(bytes));

async function ask(
  { url }: TestRegistry,
  body: string | Bytes | null,
  contentType = json,
): Promise<Response> {
  const headers = { "Content-Type": contentType };
  return await fetch(`${url}${path}`, { method: "POST", body, headers });
}

async function missingOf(registry: TestRegistry, hashes: readonly string[]): Promise<unknown> {
  const response = await ask(registry, JSON.stringify({ hashes }));
  expect(response.status).toBe(200);
  return await response.json();
}

async function expectRefused(response: Response, status: number, code: string): Promise<string> {
  const problem = (await response.json()) as { readonly detail: string };
  expect(problem).toMatchObject({ status, code });
  expect(response.status).toBe(status);
  return problem.detail;
}

describe.each(stores)("POST /api/v1/metadata/exists (%s)", (_, start) => {
  let registry: Awaited<ReturnType<typeof start>>;
  const [here, large, bad] = [randomBytes(80), randomBytes(2.5 * 1024 * 1024), randomBytes(80)];
  beforeAll(async () => {
    registry = await start();
    for (const data of [here, large, bad]) await send(registry.port, putOf(data));
  });
  afterAll(() => registry.stop());
  let unwatch = (): void => {};
  afterEach(() => unwatch());

  /** Counts the statements from now on. */
  function watch({ database }: TestRegistry) {
    const query = spyOn(database, "query");
    unwatch = () => query.mockRestore();
    return () => query.mock.calls.filter(([lane]) => lane !== "health");
  }

  it("names what is missing, in order, as it was asked for", async () => {
    const [one, two] = [randomDigits(), randomDigits()];
    const mixed = one.replace(/[a-f]/g, (digit, at: number) =>
      at % 2 === 0 ? digit.toUpperCase() : digit,
    );
    const hashes = [two, digitsOf(here), mixed, two.slice(0, 32), digitsOf(large), one, two];
    const response = await ask(registry, JSON.stringify({ hashes }));
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ missing: [two, mixed, two.slice(0, 32), one, two] });
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("connection")).toBeNull();
  });

  it("finds what is here by either key, in any case", async () => {
    const digits = [here, large].map(digitsOf);
    const hashes = [...digits, ...digits.map((text) => text.slice(0, 32))];
    const upper = hashes.map((text) => text.toUpperCase());
    expect(await missingOf(registry, [...hashes, ...upper])).toEqual({ missing: [] });
  });

  it("tells apart what has the same first 16 bytes", async () => {
    const other = `${digitsOf(here).slice(0, 32)}${"0".repeat(32)}`;
    expect(await missingOf(registry, [other, digitsOf(here)])).toEqual({ missing: [other] });
    expect(await missingOf(registry, [other])).toEqual({ missing: [other] });
  });

  it("sees at once what has been stored", async () => {
    const data = randomBytes(80);
    expect(await missingOf(registry, [digitsOf(data)])).toEqual({ missing: [digitsOf(data)] });
    await send(registry.port, putOf(data));
    expect(await missingOf(registry, [digitsOf(data)])).toEqual({ missing: [] });
  });

  it.each([0, 1, 2, 999, limits.keyListMax])("takes %d keys", async (count) => {
    const missing = Array.from({ length: count }, randomDigits);
    const statements = watch(registry);
    expect(await missingOf(registry, missing)).toEqual({ missing });
    expect(statements().length).toBe(count === 0 ? 0 : 1);
  });

  it("asks the database once, whatever is here", async () => {
    const missing = Array.from({ length: 500 }, () => randomDigits().slice(0, 32));
    const hashes = missing.flatMap((text) => [digitsOf(here), text]);
    const statements = watch(registry);
    expect(await missingOf(registry, hashes)).toEqual({ missing });
    expect(statements().length).toBe(1);
    expect(statements().join(" ")).not.toContain("b.data");
  });

  it("answers many lists at once", async () => {
    const lists = Array.from({ length: 30 }, (__, count) =>
      Array.from({ length: count }, randomDigits),
    );
    const answers = await Promise.all(lists.map((list) => missingOf(registry, list)));
    expect(answers).toEqual(lists.map((missing) => ({ missing })));
  });

  it("does not take one key more", async () => {
    const hashes = Array.from({ length: limits.keyListMax + 1 }, randomDigits);
    const response = await ask(registry, JSON.stringify({ hashes }));
    expect(await expectRefused(response, 400, "too_many_keys")).toMatch(/1000 .* 1001\.$/);
  });

  it.each([
    ["abc", "invalid_key_length"],
    ["", "invalid_key_length"],
    ["0".repeat(63), "invalid_key_length"],
    [`0x${"0".repeat(30)}`, "invalid_key_digit"],
    [`${"0".repeat(63)}\u{ff10}`, "invalid_key_digit"],
    [" ".repeat(64), "invalid_key_digit"],
  ])("says which key is none: %p", async (text, code) => {
    const hashes = [randomDigits(), digitsOf(here), text, "second"];
    const response = await ask(registry, JSON.stringify({ hashes }));
    expect(await expectRefused(response, 400, code)).toStartWith("hashes[2]: A key ");
  });

  it.each([[null], [5], [{}], [["0".repeat(64)]], [true]])(
    "says what is no string: %p",
    async (stranger) => {
      const response = await ask(registry, JSON.stringify({ hashes: ["0".repeat(64), stranger] }));
      expect(await expectRefused(response, 400, "invalid_key_list")).toStartWith("hashes[1]: ");
    },
  );

  it.each([
    "",
    "hashes",
    "{",
    '{"hashes": ["',
    "null",
    "5",
    '"hashes"',
    "[]",
    `["${"0".repeat(64)}"]`,
    "{}",
    '{"Hashes": []}',
    '{"hashes": null}',
    '{"hashes": {}}',
    '{"hashes": "00"}',
    '{"__proto__": {"hashes": []}}',
    "[".repeat(limits.keyListBytesMax),
    "\u0000",
  ])("does not take %p for a list", async (body) => {
    const detail = await expectRefused(await ask(registry, body), 400, "invalid_key_list");
    expect(detail).toContain('"hashes"');
  });

  it("takes other members, blanks and a byte order mark", async () => {
    const missing = [randomDigits()];
    const body = `\ufeff ${JSON.stringify({ since: 1, hashes: missing }, null, 2)}\n`;
    expect(await (await ask(registry, body)).json()).toEqual({ missing });
  });

  it.each(["application/json; charset=utf-8", "APPLICATION/JSON", "application/json ;a=b"])(
    "takes %s",
    async (contentType) => {
      expect((await ask(registry, '{"hashes": []}', contentType)).status).toBe(200);
    },
  );

  it.each(["text/plain", "application/jsonx", "application/x-www-form-urlencoded", ""])(
    "does not take %p",
    async (contentType) => {
      const response = await ask(registry, '{"hashes": []}', contentType);
      expect(await expectRefused(response, 415, "unsupported_media_type")).toContain(json);
    },
  );

  it("does not take a list in a Content-Encoding", async () => {
    const headers = { "Content-Type": json, "Content-Encoding": "gzip" };
    const body = Bun.gzipSync('{"hashes": []}');
    const response = await fetch(`${registry.url}${path}`, { method: "POST", headers, body });
    await expectRefused(response, 415, "unsupported_content_encoding");
  });

  describe("over the wire", () => {
    const upload: RawUpload = {
      method: "POST",
      path,
      fields: [`Content-Type: ${json}`],
      body: blankList(limits.keyListBytesMax),
    };

    it("takes a body of exactly the limit, in one piece or in chunks", async () => {
      for (const framing of ["Content-Length", "chunked"] as const) {
        expect(jsonOf(await send(registry.port, upload, framing))).toEqual({ missing: [] });
      }
    });

    it("refuses a longer one by what it announces", async () => {
      const connection = await connectRaw(registry.port);
      await connection.send(headOf(upload, limits.keyListBytesMax + 1));
      const response = await answerOn(connection);
      expect(response.status).toBe(413);
      expect(response.headers["connection"]).toBe("close");
      expect(jsonOf(response)).toMatchObject({ code: "body_too_large" });
      expect(jsonOf(response)["detail"]).toMatch(/1000 .*262144/);
    });

    it("refuses a longer one in chunks before its end", async () => {
      const connection = await connectRaw(registry.port);
      await connection.send(headOf(upload, "chunked"));
      await connection.send(chunkOf(blankList(limits.keyListBytesMax + 1)));
      expect(jsonOf(await answerOn(connection))).toMatchObject({ code: "body_too_large" });
    });

    it("takes a list in pieces that cut it anywhere", async () => {
      const missing = Array.from({ length: 100 }, randomDigits);
      const body = utf8(JSON.stringify({ hashes: missing }));
      const connection = await connectRaw(registry.port);
      await connection.send(headOf(upload, "chunked"));
      for (const byte of chunked(body).subarray(0, 300)) await connection.send(Uint8Array.of(byte));
      await connection.send(concatBytes(chunked(body).subarray(300)));
      expect(jsonOf(await answerOn(connection))).toEqual({ missing });
    });
  });

  it("counts as missing what is bad under 16 bytes, alone or among others", async () => {
    const data = randomBytes(90);
    await insertRow(registry.database, shortKey(hashing.hash(data)), { data: flipped(data) });
    const digits = digitsOf(data);
    expect(await missingOf(registry, [digits])).toEqual({ missing: [digits] });
    const hashes = [digitsOf(here), digits.slice(0, 32), digits];
    expect(await missingOf(registry, hashes)).toEqual({ missing: hashes.slice(1) });
    await send(registry.port, putOf(data));
    expect(await missingOf(registry, hashes)).toEqual({ missing: [] });
  });

  it("takes the database's word for what is kept under its hash", async () => {
    await overwriteRow(registry.database, hashing.hash(bad), flipped(bad));
    expect(await missingOf(registry, [digitsOf(bad)])).toEqual({ missing: [] });
  });

  it("finds a row under 16 bytes by either key", async () => {
    const data = randomBytes(90);
    await insertRow(registry.database, shortKey(hashing.hash(data)), { data });
    const digits = digitsOf(data);
    const other = `${digits.slice(0, 32)}${"0".repeat(32)}`;
    expect(await missingOf(registry, [digits.slice(0, 32), other, digits])).toEqual({
      missing: [other],
    });
  });

  it("does not ask for what is cached", async () => {
    const caching = await start({ cacheBytesMax: 1024 * 1024 });
    await send(caching.port, putOf(here));
    await (await fetch(`${caching.api}/${digitsOf(here)}`)).bytes();
    const statements = watch(caching);
    const cached = [digitsOf(here), digitsOf(here).slice(0, 32).toUpperCase()];
    expect(await missingOf(caching, cached)).toEqual({ missing: [] });
    expect(statements()).toEqual([]);
    const missing = [randomDigits(), randomDigits()];
    expect(await missingOf(caching, [...cached, ...missing, ...cached])).toEqual({ missing });
    expect(statements().map(([, , params]) => params?.length)).toEqual([2 * missing.length]);
    await caching.stop();
  });

  it.each([1, 2])("is 503 without a database, to be tried again (%d keys)", async (count) => {
    const out = await start();
    await out.database.close();
    const hashes = Array.from({ length: count }, randomDigits);
    const response = await ask(out, JSON.stringify({ hashes }));
    await expectRefused(response, 503, "database_unavailable");
    expect(response.headers.get("retry-after")).toBe("1");
    await out.stop();
  });

  it("logs nothing of all this as a failure", () => {
    const levels = registry.lines.map(({ level }) => level);
    expect(levels.filter((level) => level === "warn")).toEqual([]);
  });
});

describe("POST /api/v1/metadata/exists over a database of the Rust registry", () => {
  it.each(legacyForms)("with %s finds every blob by either key", async (form) => {
    const database = await (await sharedPostgres()).createDatabase();
    const theirs = openPostgres(optionsOf(database));
    await makeLegacyDatabase(theirs, form);
    await theirs.close();
    const registry = await startRegistry({ database });
    const keys = vectors.flatMap(({ hash }) => [toHex(hash), toHex(shortKey(hash))]);
    const missing = [randomDigits()];
    expect(await missingOf(registry, [...keys, ...missing])).toEqual({ missing });
    for (const key of keys) expect(await missingOf(registry, [key])).toEqual({ missing: [] });
    await registry.stop();
    await database.drop();
  });
});
