import { createCounters, type Counters } from "../domain/counters.ts";
import type { Hashing } from "../domain/hasher.ts";
import type { Log } from "../domain/log.ts";
import { createRegistry } from "../domain/registry.ts";
import { createHashing } from "../hashing/blake3.ts";
import { createFetch } from "../http/api.ts";
import { describeApi as generateDocument, toYaml } from "../http/documents/document.ts";
import { createHandlers } from "../http/handlers.ts";
import type { ReadinessChecks } from "../http/routes/health.ts";
import type { Fetch } from "../http/server.ts";
import type { Database } from "../storage/database.ts";
import { createSqlBlobStore } from "../storage/sql-blob-store.ts";
import { verified } from "../storage/verified.ts";
import type { Config } from "./config.ts";
import { startSweeper } from "./sweeper.ts";

/** The house, built: what answers requests, and what is to be given back. */
export interface App {
  readonly fetch: Fetch;
  readonly counters: Counters;
  readonly hashing: Hashing;
  /** Resolves once nothing is under way in the database. */
  close(): Promise<void>;
}

/** What an app is built from. */
export interface AppOptions {
  readonly config: Config;
  readonly database: Database;
  readonly log: Log;
  readonly checks: ReadinessChecks;
}

/** How many statements, each within its deadline, the answer to one request may take. */
const statementsPerRequest = 4;

/** The composition root: the one place that knows every room. */
export function createApp({ config, database, log, checks }: AppOptions): App {
  const { blobBytesMax } = config;
  const counters = createCounters();
  const hashing = createHashing();
  // From outside in: what is stored is verified, and the database keeps it.
  const store = verified(createSqlBlobStore(database), { hashing, counters });
  const registry = createRegistry({ store, hashing, counters, blobBytesMax });
  const workMsMax = workMsMaxOf(config);
  const handlers = createHandlers({ registry, checks, counters, log, blobBytesMax, workMsMax });
  const sweeper = startSweeper({ database, counters, log });
  return {
    fetch: createFetch(handlers),
    counters,
    hashing,
    async close() {
      await sweeper.stop();
      await store.close();
    },
  };
}

/** How long the database work of one request may take in all. */
export function workMsMaxOf({ database }: Config): number {
  return statementsPerRequest * database.timeoutMs;
}

/** The OpenAPI document as openapi.yaml holds it. */
export async function describeApi(): Promise<string> {
  return toYaml(await generateDocument());
}
