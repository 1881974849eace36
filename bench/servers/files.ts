import { open } from "node:fs/promises";
import { basename, join } from "node:path";

/*
 * A plain file server: GET gives the file of that name, POST keeps its body as a new file, on the
 * disk before it is answered. Prints its URL.
 * bun servers/files.ts DIRECTORY
 */

const [directory = "."] = process.argv.slice(2);

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  idleTimeout: 120,
  maxRequestBodySize: Number.MAX_SAFE_INTEGER,
  async fetch(request) {
    if (request.method === "POST") return await keep(request);
    return new Response(Bun.file(join(directory, basename(request.url))));
  },
});

process.stdout.write(`${server.url.origin}\n`);

// --- internal ---

async function keep(request: Request): Promise<Response> {
  const file = await open(join(directory, Bun.randomUUIDv7()), "w");
  try {
    for await (const bytes of request.body ?? []) await file.write(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  return Response.json({});
}
