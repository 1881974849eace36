import type { Bearers } from "../auth/bearers.ts";
import { createBudget, type BudgetCounts } from "../domain/budget.ts";
import { createCounters, type Counters } from "../domain/counters.ts";
import { createDeniedKeys } from "../domain/denied-keys.ts";
import type { Hashing } from "../domain/hasher.ts";
import type { KeySet } from "../domain/key-set.ts";
import type { Log } from "../domain/log.ts";
import { createRegistry } from "../domain/registry.ts";
import { createHashing } from "../hashing/blake3.ts";
import { createFetch } from "../http/api.ts";
import { describeApi as generateDocument, toYaml } from "../http/documents/document.ts";
import { createDestinations } from "../http/destinations.ts";
import { createRateLimits, type RateLimits } from "../http/guards/rate-limits.ts";
import { createTokenGuard } from "../http/guards/tokens.ts";
import { createHandlers } from "../http/handlers.ts";
import { createCachedDownload } from "../http/routes/cached-download.ts";
import type { ReadinessChecks } from "../http/routes/health.ts";
import { createRequestMeter, type RequestMeter } from "../http/request-meter.ts";
import { createSending } from "../http/sending.ts";
import type { AtHand, Fetch } from "../http/server.ts";
import { createBatchCounts, type BatchCountsByKind } from "../storage/batch-counts.ts";
import type { Database } from "../storage/database.ts";
import { batched } from "../storage/batched.ts";
import { cached, type CachedStore } from "../storage/cached.ts";
import { guarded, type GuardedDatabase } from "../storage/guarded.ts";
import { measured, type MeasuredDatabase } from "../storage/measured-database.ts";
import { screened } from "../storage/screened.ts";
import { createSqlBlobStore } from "../storage/sql-blob-store.ts";
import { verified } from "../storage/verified.ts";
import { tracedHashing } from "../tracing/traced-hashing.ts";
import { createBrakes, type Brakes, type BrakeState } from "./brakes.ts";
import type { Config } from "./config.ts";
import { watchSize, type SizeWatch } from "./metrics/size-watch.ts";
import { startSweeper } from "./sweeper.ts";

/** The house, built: what answers requests, and what is to be given back. */
export interface App {
  readonly fetch: Fetch;
  readonly atHand: AtHand;
  readonly counters: Counters;
  readonly measures: Measures;
  readonly hashing: Hashing;
  /** To be begun before anything is served. */
  readonly brakes: Pick<Brakes, "begin" | "reload" | "checks">;
  /** Resolves once nothing is under way in the database. */
  close(): Promise<void>;
}

/** What its parts count, each in plain numbers. */
interface Measures {
  readonly inFlight: BudgetCounts;
  readonly meter: RequestMeter;
  readonly cache: CachedStore["cache"];
  readonly batches: BatchCountsByKind;
  readonly database: MeasuredDatabase;
  readonly isOut: GuardedDatabase["isOut"];
  readonly trouble: GuardedDatabase["trouble"];
  readonly size: SizeWatch;
  readonly brakes: BrakeState;
  readonly rateLimits: Pick<RateLimits, "clients">;
}

/** What an app is built from. */
export interface AppOptions {
  readonly config: Config;
  readonly database: Database;
  readonly log: Log;
  readonly checks: ReadinessChecks;
  /** The address that a request comes from. */
  readonly senderOf: (request: Request) => string | null;
  /** Who may upload; null: everybody. */
  readonly uploadTokens: Bearers | null;
  /** What --deny-list names; null: nobody gave one. */
  readonly denyList: KeySet | null;
}

/** How many statements, each within its deadline, the answer to one request may take. */
const statementsPerRequest = 4;

/** The composition root: the one place that knows every room. */
export function createApp(options: AppOptions): App {
  const { config, log, checks, senderOf, uploadTokens, denyList } = options;
  const { blobBytesMax } = config;
  const asked = measured(options.database);
  const database = guarded(asked, log);
  const counters = createCounters();
  const batches = createBatchCounts();
  const hashing = createHashing();
  const workMsMax = workMsMaxOf(config);
  const denied = createDeniedKeys();
  // From outside in: a cache, a screen for what is denied, batches, every stored byte verified, the
  // database, which is not asked while it is out.
  const kept = verified(createSqlBlobStore(database), { hashing, counters, log });
  const batching = { ...lanesOf(database), callMsMax: workMsMax, counts: batches };
  const allowed = screened(batched(kept, batching), denied);
  const store = cached(allowed, { bytesMax: config.cacheBytesMax, denied });
  const seen = config.otlp.traces === null ? hashing : tracedHashing(hashing);
  const parts = { store, cache: store, hashing: seen, counters, blobBytesMax, denied };
  const registry = createRegistry(parts);
  const size = watchSize({ database: asked, log, bytesStored: () => counters.bytesStored });
  const watched = { database, size, hashing, counters, denied, denyList, workMsMax, log };
  const brakes = createBrakes({ ...watched, config, forget: store.forget });
  const destinations = createDestinations({ ...config, senderOf });
  const budget = createBudget({ bytesMax: config.inFlightBytesMax });
  const sending = createSending({ budget, isUnderWay: (request) => senderOf(request) !== null });
  const rateLimits = createRateLimits({ ...config, senderOf });
  const { reads: limit } = rateLimits;
  const handlers = createHandlers({
    registry,
    checks,
    counters,
    log,
    budget,
    sending,
    blobBytesMax,
    workMsMax,
    destinations,
    uploadOrigins: config.uploadOrigins,
    guardToken: uploadTokens === null ? null : createTokenGuard({ bearers: uploadTokens }),
    rateLimits,
    guardUpload: brakes.guardUpload,
  });
  const sweeper = config.readOnly ? null : startSweeper({ database, counters, log });
  return {
    fetch: createFetch(handlers),
    atHand: createCachedDownload({ registry, sending, counters, destinations, limit }),
    counters,
    measures: {
      inFlight: budget.counts,
      meter: createRequestMeter(destinations),
      cache: store.cache,
      batches,
      database: asked,
      ...guardOf(database),
      size,
      brakes: brakes.state,
      rateLimits,
    },
    hashing,
    brakes,
    async close() {
      await Promise.all([sweeper?.stop(), brakes.stop(), size.stop()]);
      await store.close();
    },
  };
}

function guardOf({ isOut, trouble }: GuardedDatabase) {
  return { isOut, trouble };
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
