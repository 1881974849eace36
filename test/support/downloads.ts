import { spyOn } from "bun:test";
import type { BlobKey } from "../../src/domain/blob-key.ts";
import { toHex, type Bytes } from "../../src/domain/bytes.ts";
import type { Database, Param } from "../../src/storage/database.ts";
import { hashing } from "./blobs.ts";
import { flipped, uploadOf } from "./damage.ts";
import { uploaderBody } from "./form.ts";
import { connectRaw, type RawResponse } from "./raw-http.ts";
import { randomBytes, stores, type TestRegistry } from "./registry.ts";

const mebibyte = 1024 * 1024;

/** A blob that was uploaded. */
export interface StockedBlob {
  readonly hash: BlobKey;
  readonly hex: string;
  readonly data: Bytes;
}

/** The sizes at which a download changes: nothing, a row, segments, chunks. */
export const sizesOfInterest: readonly number[] = [
  0,
  1,
  600,
  2 * mebibyte,
  2 * mebibyte + 1,
  5 * mebibyte,
  9 * mebibyte,
];

/** Every store, without a cache and with one that takes every blob kept as one row. */
export const settings: readonly (readonly [name: string, start: () => Promise<TestRegistry>])[] =
  stores.flatMap(([name, start]) =>
    [0, 64 * mebibyte].map(
      (cacheBytesMax) =>
        [
          cacheBytesMax === 0 ? name : `${name}, cached`,
          async () => await start({ cacheBytesMax }),
        ] as const,
    ),
  );

/** Uploads bytes, random ones of a size unless they are given. */
export async function stock(
  registry: Pick<TestRegistry, "api">,
  what: number | Bytes,
): Promise<StockedBlob> {
  const data = typeof what === "number" ? randomBytes(what) : what;
  const { body, contentType } = uploaderBody(data);
  const headers = { "Content-Type": contentType };
  const response = await fetch(registry.api, { method: "POST", body, headers });
  if (!response.ok) throw new Error(`the upload was answered with ${response.status}`);
  const hash = hashing.hash(data);
  return { hash, hex: toHex(hash), data };
}

/** A request for a blob. */
export interface BlobRequest {
  /** GET when left out. */
  readonly method?: string;
  readonly key: string;
  readonly fields?: Readonly<Record<string, string>>;
  /** Whether the answer is one that never has a body: 304. */
  readonly isBodiless?: boolean;
}

/** Sends a request over a connection of its own, and gives the answer as it came. */
export async function askRaw(port: number, request: BlobRequest): Promise<RawResponse> {
  const { method = "GET", key, fields = {}, isBodiless = false } = request;
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  const connection = await connectRaw(port);
  try {
    const line = `${method} /api/v1/metadata/${key} HTTP/1.1\r\n`;
    await connection.send(`${line}Host: r\r\n${lines.join("")}\r\n`);
    return await connection.response({ isHead: isBodiless || method === "HEAD" });
  } finally {
    connection.destroy();
  }
}

/** Turns a bit in segment `n` of a large blob. */
export async function damageSegment(
  database: Database,
  { hash, data }: StockedBlob,
  n: number,
): Promise<void> {
  const bytes = flipped(data.slice(n * mebibyte, (n + 1) * mebibyte));
  const text = "UPDATE blob_segments SET data = $3 WHERE upload = $1 AND n = $2";
  const { count } = await database.query("write", text, [await uploadOf(database, hash), n, bytes]);
  if (count !== 1) throw new Error("there is no such segment");
}

/** Changes when a blob was stored, in ms since 1970. */
export async function redate(database: Database, hash: BlobKey, ms: number): Promise<void> {
  const at =
    database.dialect.name === "postgres"
      ? "to_timestamp(CAST($2 AS double precision) / 1000)"
      : "$2";
  await database.query("write", `UPDATE blobs SET created_at = ${at} WHERE hash = $1`, [hash, ms]);
}

/** A statement as a database was asked it. */
interface Statement {
  readonly text: string;
  readonly params: readonly Param[];
}

/** What a database is asked; until it is disposed of. */
export interface Recording extends Disposable {
  statements(): readonly Statement[];
}

/** Notes from now on which statements a registry's database is asked. */
export function recordStatements({ database }: Pick<TestRegistry, "database">): Recording {
  const asked = spyOn(database, "query");
  return {
    statements: () => asked.mock.calls.map(([, text, params = []]) => ({ text, params })),
    [Symbol.dispose]: () => asked.mockRestore(),
  };
}
