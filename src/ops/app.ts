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
import { createRequestMeter, type RequestMeter } from "../http/request-meter.ts";
import type { AtHand, Fetch } from "../http/server.ts";
import { createBatchCounts, type BatchCountsByKind } from "../storage/batch-counts.ts";
import type { Database } from "../storage/database.ts";
import { batched } from "../storage/batched.ts";
import { cached, type CachedStore } from "../storage/cached.ts";
import { measured, type MeasuredDatabase } from "../storage/measured-database.ts";
import { createSqlBlobStore } from "../storage/sql-blob-store.ts";
import { verified } from "../storage/verified.ts";
import type { Config } from "./config.ts";
import { startSweeper } from "./sweeper.ts";

/** The house, built: what answers requests, and what is to be given back. */
export interface App {
  readonly fetch: Fetch;
  readonly atHand: AtHand;
  readonly counters: Counters;
  readonly measures: Measures;
  readonly hashing: Hashing;
  /** Resolves once nothing is under way in the database. */
  close(): Promise<void>;
}

/** What its parts count, each in plain numbers. */
interface Measures {
  readonly meter: RequestMeter;
  readonly cache: CachedStore["cache"];
  readonly batches: BatchCountsByKind;
  readonly database: MeasuredDatabase;
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
export function createApp(options: AppOptions): App {
  const { config, log, checks, senderOf } = options;
  const { blobBytesMax, uploadOrigins } = config;
  const database = measured(options.database);
  const counters = createCounters();
  const batches = createBatchCounts();
  const hashing = createHashing();
  const workMsMax = workMsMaxOf(config);
  // From outside in: a cache, batches, every stored byte verified, the database.
  const kept = verified(createSqlBlobStore(database), { hashing, counters });
  const batching = { ...lanesOf(database), callMsMax: workMsMax, counts: batches };
  const store = cached(batched(kept, batching), { bytesMax: config.cacheBytesMax });
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
    measures: { meter: createRequestMeter(destinations), cache: store.cache, batches, database },
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
