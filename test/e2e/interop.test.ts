import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { createDecipheriv } from "node:crypto";
import { toHex } from "../../src/domain/bytes.ts";
import type { Database } from "../../src/storage/database.ts";
import { openPostgres } from "../../src/storage/postgres/open.ts";
import { shortKey } from "../support/blobs.ts";
import { optionsOf } from "../support/databases.ts";
import { concatBytes, uploaderBody } from "../support/form.ts";
import {
  legacyForms,
  legacyStatements,
  makeLegacyDatabase,
  rowVersions,
} from "../support/legacy-database.ts";
import {
  databaseFlags,
  startPostgres,
  type PostgresServer,
  type TestDatabase,
} from "../support/postgres.ts";
import { rawRequest, type RawResponse } from "../support/raw-http.ts";
import { vectors, type Vector } from "../support/vectors.ts";
import { anyPort, createBinaryHome, type BinaryHome } from "./support/binary.ts";
import type { Registry } from "./support/observation.ts";

/** `?key=` of a vector's URL: the hash of its plain text, and the key to it. */
const plainHashes: Readonly<Record<string, string>> = {
  pre16: "19e134038c164602af18e6109482743855381cde91a6fdf24a08c85b3119e52b",
  v010: "852d75ee502bb91898f4634aa07f5fbf",
  hero: "b0a31e8d210f44cf8948052cb9c74170",
  directory: "796ab2361d3649e925e23e364b90eda2",
};

let home: BinaryHome;
let server: PostgresServer;

beforeAll(async () => {
  home = createBinaryHome();
  server = await startPostgres();
});

afterAll(async () => {
  await home.remove();
  await server.remove();
});

async function startOn(database: TestDatabase): Promise<Registry> {
  return await home.start([...anyPort, ...databaseFlags(database)]);
}

/** A blob sent as the existing uploader sends it, byte for byte. */
async function sendAsUploader(port: number, bytes: Uint8Array<ArrayBuffer>): Promise<RawResponse> {
  const { contentType, body } = uploaderBody(bytes);
  const head = [
    "POST /api/v1/metadata HTTP/1.1",
    `content-type: ${contentType}`,
    `content-length: ${body.length}`,
    "accept: */*",
    `host: localhost:${port}`,
  ];
  return await rawRequest(port, concatBytes(`${head.join("\r\n")}\r\n\r\n`, body));
}

/** A blob asked for as a mycelium node asks for it. */
async function getAsNode(port: number, key: string): Promise<RawResponse> {
  const head = [`GET /api/v1/metadata/${key} HTTP/1.1`, "accept: */*", "host: cdn.example.org"];
  return await rawRequest(port, `${head.join("\r\n")}\r\n\r\n`);
}

/** What a node does with an answer: opens it by the key of the URL. */
function openAsNode(blob: Uint8Array, plainHash: string): Buffer {
  const key = Buffer.from(plainHash, "hex");
  const cipher = key.length === 32 ? "aes-256-gcm" : "aes-128-gcm";
  const opened = createDecipheriv(cipher, key, blob.subarray(-12));
  opened.setAuthTag(blob.subarray(-28, -12));
  return Buffer.concat([opened.update(blob.subarray(0, -28)), opened.final()]);
}

describe("the existing uploader and nodes", () => {
  let registry: Registry;

  beforeAll(async () => {
    registry = await home.start([...anyPort, "--embedded", "data"]);
  });

  it.each(vectors.map((vector) => [vector.name, vector] as const))(
    "a blob of the uploader (%s) is stored under the key that its users know",
    async (name, { hash, data }) => {
      expect((await sendAsUploader(registry.port(), data)).status).toBe(200);
      for (const key of [toHex(hash), toHex(shortKey(hash)), toHex(hash).toUpperCase()]) {
        const { status, headers, body } = await getAsNode(registry.port(), key);
        expect({ status, type: headers["content-type"], hex: body.toHex() }).toEqual({
          status: 200,
          type: "application/octet-stream",
          hex: data.toHex(),
        });
        const plain = openAsNode(body, plainHashes[name] ?? "");
        expect(plain.toString("latin1")).toStartWith("MCDN\u0001");
      }
    },
  );

  it("bytes that are no text, and look like framing, come back as they were", async () => {
    const everyByte = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const bytes = concatBytes("\r\n--0123456789abcdef\r\n", everyByte, "\r\n--\r\n\0\r\n");
    const sent = await sendAsUploader(registry.port(), bytes);
    const { hash } = JSON.parse(Buffer.from(sent.body).toString()) as { readonly hash: string };
    const { body } = await getAsNode(registry.port(), hash.slice(0, 32));
    expect(body.toHex()).toBe(bytes.toHex());
  });

  it("the largest blob that the existing registry takes is taken", async () => {
    const bytes = new Uint8Array(2_096_959).fill(7);
    expect((await sendAsUploader(registry.port(), bytes)).status).toBe(200);
  });

  it("an unknown key is 404, and nothing is ever redirected", async () => {
    const { status, headers } = await getAsNode(registry.port(), "0".repeat(32));
    expect({ status, location: headers["location"] }).toEqual({ status: 404, location: undefined });
  });
});

/** Runs `use` on a new database, with the connection of the role that owns its tables. */
async function withDatabase(
  use: (target: TestDatabase, database: Database) => Promise<void>,
): Promise<void> {
  const target = await server.createDatabase();
  const database = openPostgres(optionsOf(target));
  try {
    await use(target, database);
  } finally {
    await database.close();
  }
}

describe("a database of the existing registry", () => {
  it.each(legacyForms)("with %s is served as it stands, by either key", async (form) => {
    await withDatabase(async (target, database) => {
      await makeLegacyDatabase(database, form);
      const registry = await startOn(target);
      for (const { hash, data } of vectors) {
        for (const key of [toHex(hash), toHex(shortKey(hash))]) {
          const { status, body } = await getAsNode(registry.port(), key);
          expect({ status, hex: body.toHex() }).toEqual({ status: 200, hex: data.toHex() });
        }
      }
      await registry.kill();
      expect(registry.stderr()).toBe("");
    });
  });

  it.each(legacyForms)("with %s takes no blob twice, and no row is rewritten", async (form) => {
    await withDatabase(async (target, database) => {
      await makeLegacyDatabase(database, form);
      const before = await rowVersions(database);
      const registry = await startOn(target);
      for (const { hash, data } of vectors) {
        const { body } = await sendAsUploader(registry.port(), data);
        const receipt: unknown = JSON.parse(Buffer.from(body).toString());
        expect(receipt).toEqual({ hash: toHex(hash), size: data.length, created: false });
      }
      await registry.kill();
      expect(Array.from(await rowVersions(database))).toEqual(Array.from(before));
    });
  });

  it("stays usable by the existing registry, at the same time", async () => {
    await withDatabase(async (target, database) => {
      const [ours, theirs] = vectors as [Vector, Vector];
      const registry = await startOn(target);
      await sendAsUploader(registry.port(), ours.data);
      // What it does on every start, for a download and for an upload.
      const { createTable, createIndex, load, store } = legacyStatements;
      await database.query("write", createTable);
      await database.query("write", createIndex);
      const [row] = await database.query("read", load, [ours.hash]);
      expect(row?.["data"]).toEqual(Buffer.from(ours.data));
      const params = [shortKey(theirs.hash), theirs.data, theirs.data.length];
      await database.query("write", store, params);
      const { status, body } = await getAsNode(registry.port(), toHex(shortKey(theirs.hash)));
      expect({ status, hex: body.toHex() }).toEqual({ status: 200, hex: theirs.data.toHex() });
      await registry.kill();
    });
  });
});
