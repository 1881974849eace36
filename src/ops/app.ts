import { createCounters, type Counters } from "../domain/counters.ts";
import type { Hashing } from "../domain/hasher.ts";
import type { Log } from "../domain/log.ts";
import { createRegistry } from "../domain/registry.ts";
import { createHashing } from "../hashing/blake3.ts";
import { createFetch } from "../http/api.ts";
import { describeApi as generateDocument, toYaml } from "../http/documents/document.ts";
import { createDestinations } from "../http/destinations.ts";
import { createHandlers } from "../http/handlers.ts";
import { createCachedDownload } from "../http/routes/cached-download.ts";
import type { ReadinessChecks } from "../http/routes/health.ts";
import type { AtHand, Fetch } from "../http/server.ts";
import type { Database } from "../storage/database.ts";
import { batched } from "../storage/batched.ts";
import { cached } from "../storage/cached.ts";
import { createSqlBlobStore } from "../storage/sql-blob-store.ts";
import { verified } from "../storage/verified.ts";
import type { Config } from "./config.ts";
import { startSweeper } from "./sweeper.ts";

/** The house, built: what answers requests, and what is to be given back. */
export interface App {
  readonly fetch: Fetch;
  readonly atHand: AtHand;
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
  /** The address that a request comes from. */
  readonly senderOf: (request: Request) => string | null;
}

/** How many statements, each within its deadline, the answer to one request may take. */
const statementsPerRequest = 4;

/** The composition root: the one place that knows every room. */
export function createApp({ config, database, log, checks, senderOf }: AppOptions): App {
  const { blobBytesMax, uploadOrigins } = config;
  const counters = createCounters();
  const hashing = createHashing();
  const workMsMax = workMsMaxOf(config);
  // From outside in: a cache, batches, every stored byte verified, the database.
  const kept = verified(createSqlBlobStore(database), { hashing, counters });
  const store = cached(batched(kept, { ...lanesOf(database), callMsMax: workMsMax }), {
    bytesMax: config.cacheBytesMax,
  });
  const registry = createRegistry({ store, cache: store, hashing, counters, blobBytesMax });
  const destinations = createDestinations({ ...config, senderOf });
  const handlers = createHandlers({
    registry,
    checks,
    counters,
    log,
    blobBytesMax,
    workMsMax,
    destinations,
    uploadOrigins,
  });
  const sweeper = startSweeper({ database, counters, log });
  return {
    fetch: createFetch(handlers),
    atHand: createCachedDownload({ registry, counters, destinations }),
    counters,
    hashing,
    async close() {
      await sweeper.stop();
      await store.close();
    },
  };
}

/** Two of each: more batches at once are smaller batches, which cost more and bring nothing. */
const lanesMax = 2;

function lanesOf({ connections: { read, write } }: Database) {
  return {
    readLanes: Math.min(lanesMax, read),
    writeLanes: Math.min(lanesMax, write),
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
