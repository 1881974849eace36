import { SQL } from "bun";
import { hash as blake3 } from "blake3-wasm";
import { Elysia, t } from "elysia";
import type { Access } from "../measure/access.ts";

/*
 * What the registry is measured against: the same two routes as one would write them in an
 * afternoon. Elysia, Bun.SQL, blake3-wasm, one statement a request; nothing is verified, cached or
 * batched. Prints its URL.
 * bun servers/plain.ts DATABASE FIELDS (both JSON; see measure/programs.ts)
 */

type Fields = Readonly<Record<string, string>>;

const [accessJson = "", fieldsJson = ""] = process.argv.slice(2);
const access = JSON.parse(accessJson) as Access;
const fields = JSON.parse(fieldsJson) as { readonly download: Fields; readonly upload: Fields };

const sql = new SQL({
  adapter: "postgres",
  hostname: access.host,
  port: access.port,
  username: access.user,
  password: access.password,
  database: access.name,
  max: access.poolMax,
  tls: false,
});

const app = new Elysia()
  .get("/api/v1/metadata/:hash", async ({ params }) => {
    const key = Buffer.from(params.hash, "hex");
    const [row] =
      key.length === 32
        ? await sql`SELECT hash, data, created_at FROM blobs WHERE hash = ${key}`
        : await sql`SELECT hash, data, created_at FROM blobs
            WHERE hash BETWEEN ${key} AND ${Buffer.concat([key, Buffer.alloc(16, 0xff)])} LIMIT 1`;
    if (row === undefined) return new Response("not found", { status: 404 });
    return new Response(row.data, {
      headers: {
        ...fields.download,
        ETag: `"${row.hash.toString("hex")}"`,
        "Last-Modified": row.created_at.toUTCString(),
      },
    });
  })
  .post(
    "/api/v1/metadata",
    async ({ body }) => {
      const data = Buffer.from(await body.data.arrayBuffer());
      const hash = Buffer.from(blake3(data));
      const created = await sql`INSERT INTO blobs (hash, data, size)
        VALUES (${hash}, ${data}, ${data.length}) ON CONFLICT DO NOTHING RETURNING hash`;
      const hex = hash.toString("hex");
      const receipt = { hash: hex, size: data.length, created: created.length > 0 };
      return new Response(JSON.stringify(receipt), {
        headers: { ...fields.upload, Location: `/api/v1/metadata/${hex}`, ETag: `"${hex}"` },
      });
    },
    { body: t.Object({ data: t.File() }) },
  )
  .listen({ port: 0, hostname: "127.0.0.1" });

process.stdout.write(`http://127.0.0.1:${app.server?.port}\n`);
