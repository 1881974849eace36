import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type TestDatabase } from "../../test/support/postgres.ts";
import { type Access } from "./access.ts";
import { type Fields } from "./answers.ts";
import { type Bench, type Server } from "./bench.ts";
import { spawnChild } from "./child.ts";
import { poolMax } from "./product.ts";

/**
 * Starts a program of bench/servers: it takes its words, prints its URL once it listens, and is
 * killed when it is done with. A registry composed otherwise than the product is one of them.
 */
export async function startProgram(name: string, words: readonly string[]): Promise<Server> {
  const file = fileURLToPath(new URL(`../servers/${name}.ts`, import.meta.url));
  const child = spawnChild({ command: [process.execPath, file, ...words] });
  const port = Number(new URL(await child.line()).port);
  return { name, port, pids: () => [child.pid], stop: () => child.stop() };
}

/** The plain handler, on a database that has its tables, giving the fields that it is told. */
export async function startPlain(
  database: TestDatabase,
  fields: { readonly download: Fields; readonly upload: Fields },
): Promise<Server> {
  return await startProgram("plain", [accessTo(database), JSON.stringify(fields)]);
}

/** The registry without cache and batches, on a database that has its tables. */
export async function startUnbatched(database: TestDatabase): Promise<Server> {
  return await startProgram("unbatched", [accessTo(database)]);
}

/** The null responder: gives `answer` for every request of that many bytes (0: for every GET). */
export async function startNull(
  { scratch }: Bench,
  answer: Uint8Array,
  requestBytes: number,
): Promise<Server> {
  const file = join(scratch, "null-answer");
  writeFileSync(file, answer);
  return await startProgram("null", [String(requestBytes), file]);
}

// --- internal ---

function accessTo({ name, user, password, host, port }: TestDatabase): string {
  return JSON.stringify({ name, user, password, host, port, poolMax } satisfies Access);
}
