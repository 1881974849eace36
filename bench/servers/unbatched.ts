import { createBudget } from "../../src/domain/budget.ts";
import { createCounters } from "../../src/domain/counters.ts";
import { createRegistry } from "../../src/domain/registry.ts";
import { createHashing } from "../../src/hashing/blake3.ts";
import { createFetch } from "../../src/http/api.ts";
import { createHandlers } from "../../src/http/handlers.ts";
import { createSending } from "../../src/http/sending.ts";
import { listen } from "../../src/http/server.ts";
import { createLog } from "../../src/ops/log.ts";
import { openPostgres } from "../../src/storage/postgres/open.ts";
import { createSqlBlobStore } from "../../src/storage/sql-blob-store.ts";
import { verified } from "../../src/storage/verified.ts";
import type { Access } from "../measure/access.ts";
import { withoutNames } from "../../test/support/destinations.ts";

/*
 * The registry without its cache and its batches, everything else as it is: what the skins bring.
 * Prints its URL.
 * bun servers/unbatched.ts DATABASE (JSON; see measure/programs.ts)
 */

const [accessJson = ""] = process.argv.slice(2);
const database = openPostgres({
  ...(JSON.parse(accessJson) as Access),
  tls: "disable",
  tlsCa: null,
  connectTimeoutMs: 10_000,
  timeoutMs: 5000,
});
const log = createLog({
  level: "error",
  format: "json",
  write: (line) => process.stderr.write(line),
});
const counters = createCounters();
const hashing = createHashing();
const blobBytesMax = 64 * 1024 * 1024;
const store = verified(createSqlBlobStore(database), { hashing, counters });
const cache = { peek: () => null };
const registry = createRegistry({ store, cache, hashing, counters, blobBytesMax });
const checks = async () => await Promise.resolve({});
const budget = createBudget({ bytesMax: 256 * 1024 * 1024 });
const handlers = createHandlers({
  registry,
  checks,
  counters,
  log,
  budget,
  sending: createSending({ budget, isUnderWay: () => false }),
  blobBytesMax,
  workMsMax: 20_000,
  destinations: withoutNames,
  uploadOrigins: new Set(),
});
const server = listen({
  host: "127.0.0.1",
  hostIsDefault: false,
  port: 0,
  idleSecondsMax: 30,
  log,
  checks,
});
server.serve(createFetch(handlers));
process.stdout.write(`${server.url}\n`);
