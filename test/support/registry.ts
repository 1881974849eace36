import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Counters } from "../../src/domain/counters.ts";
import { createRequestLog } from "../../src/http/request-log.ts";
import type { RequestTraces } from "../../src/http/request-traces.ts";
import { listen } from "../../src/http/server.ts";
import { createApp, workMsMaxOf, type App } from "../../src/ops/app.ts";
import type { Config } from "../../src/ops/config.ts";
import { readDenyList } from "../../src/ops/deny-list.ts";
import { createLog } from "../../src/ops/log.ts";
import { openDatabase } from "../../src/ops/open-database.ts";
import { createReadiness } from "../../src/ops/readiness.ts";
import { openUploadTokens } from "../../src/ops/upload-tokens.ts";
import type { TracesConfig } from "../../src/ops/tracing/traces-config.ts";
import type { Database } from "../../src/storage/database.ts";
import type { Bytes } from "../../src/domain/bytes.ts";
import { sharedPostgres, type TestDatabase } from "./postgres.ts";

/** A line of the log, as JSON holds it. */
export type LogLine = Readonly<Record<string, unknown>>;

/** A registry on a port of its own, in this process. */
export interface TestRegistry {
  readonly url: string;
  readonly port: number;
  /** `url` and the path of the API. */
  readonly api: string;
  readonly app: App;
  readonly counters: Counters;
  readonly database: Database;
  /** Of its own, for files of a test; removed with it. */
  readonly directory: string;
  /** What it logged so far. */
  readonly lines: readonly LogLine[];
  pendingRequests(): number;
  /** How many rows there are, visible or not. */
  rowCounts(): Promise<RowCounts>;
  stop(): Promise<void>;
}

/** Rows by table. */
export interface RowCounts {
  readonly blobs: number;
  readonly blob_segments: number;
  readonly uploads: number;
}

export const nothingStored: RowCounts = { blobs: 0, blob_segments: 0, uploads: 0 };

export interface TestRegistryOptions {
  /** Records requests; left out: none. */
  readonly traces?: RequestTraces;
  /** SQLite in a temporary directory when left out. */
  readonly database?: TestDatabase;
  readonly blobBytesMax?: number;
  /** 0 by default: what a test does to the database is seen at once. */
  readonly cacheBytesMax?: number;
  /** 256 MiB when left out. */
  readonly inFlightBytesMax?: number;
  readonly readOnly?: boolean;
  /** 0 when left out: no bound. */
  readonly storedBytesMax?: number;
  readonly uploadTokenFile?: string;
  readonly rates?: Partial<Config["rates"]>;
  readonly denyListFile?: string;
  /** A statement's deadline. */
  readonly timeoutMs?: number;
  readonly cdnDomain?: string;
  readonly isTrustedProxy?: (address: string) => boolean;
  readonly uploadOrigins?: readonly string[];
  readonly accessLog?: boolean;
  /** 0 by default: no request is called slow. */
  readonly slowRequestMs?: number;
}

const mebibyte = 1024 * 1024;

/** Starts a registry in this process, on a free port: the real server, handlers and store. */
export async function startRegistry(options: TestRegistryOptions = {}): Promise<TestRegistry> {
  const directory = temporaryDirectory();
  const config = configOf(options, directory);
  const lines: LogLine[] = [];
  const write = (line: string): void => {
    lines.push(JSON.parse(line) as LogLine);
  };
  const log = createLog({ level: "debug", format: "json", write });
  const database = await openDatabase(config, log, new AbortController().signal);
  const checks = createReadiness({
    phase: () => "serving",
    probe: async () => await database.query("health", "SELECT 1"),
    notes: () => app.brakes.checks(),
  });
  const idleSecondsMax = Math.ceil(workMsMaxOf(config) / 1000) + 10;
  const requestLog = createRequestLog({ ...config, log });
  const server = listen({
    ...config,
    idleSecondsMax,
    log,
    checks,
    requestLog,
    traces: options.traces ?? null,
  });
  const { denyListFile, uploadTokenFile } = config;
  const denyList = denyListFile === null ? null : await readDenyList(denyListFile);
  const { senderOf } = server;
  const uploadTokens =
    uploadTokenFile === null ? null : await openUploadTokens(uploadTokenFile, log);
  const app: App = createApp({
    config,
    database,
    log,
    checks,
    senderOf,
    uploadTokens,
    denyList,
  });
  await app.brakes.begin();
  server.serve(app.fetch, app.atHand, app.measures.meter);
  return {
    url: server.url,
    port: server.port,
    api: `${server.url}/api/v1/metadata`,
    app,
    counters: app.counters,
    database,
    directory,
    lines,
    pendingRequests: () => server.pendingRequests(),
    rowCounts: () => rowCountsOf(database),
    async stop() {
      await server.stop();
      await app.close();
      rmSync(directory, { recursive: true });
    },
  };
}

/** A registry over each store, by the store's name; over PostgreSQL in a database of its own. */
export const stores: readonly (readonly [
  name: string,
  start: (options?: Omit<TestRegistryOptions, "database">) => Promise<TestRegistry>,
])[] = [
  ["SQLite", (options) => startRegistry(options)],
  [
    "PostgreSQL",
    async (options) => {
      const database = await (await sharedPostgres()).createDatabase();
      const registry = await startRegistry({ ...options, database });
      const stop = async (): Promise<void> => {
        await registry.stop();
        await database.drop();
      };
      return { ...registry, stop };
    },
  ],
];

/** Bytes that nothing can guess or compress. */
export function randomBytes(length: number): Bytes {
  const bytes = new Uint8Array(length);
  const atOnce = 65_536;
  for (let start = 0; start < length; start += atOnce) {
    crypto.getRandomValues(bytes.subarray(start, start + atOnce));
  }
  return bytes;
}

/** Waits until `condition` holds: for what happens soon after an answer, at a moment nobody tells. */
export async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await Bun.sleep(10);
}

/** A new directory; whoever asked removes it. */
export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), "mycelium-registry-"));
}

// --- internal ---

/** For those who look whether there is one: no test that records exports anything. */
const tracesConfig: TracesConfig = {
  url: "http://127.0.0.1:1/",
  sampler: { isParentBased: true, ratio: 1 },
  continuesTraces: true,
  queue: { spansMax: 1, batchSpansMax: 1, delayMs: 1, exportMsMax: 1 },
};

function configOf(options: TestRegistryOptions, directory: string): Config {
  const { blobBytesMax = 64 * mebibyte, cacheBytesMax = 0, timeoutMs = 5000, database } = options;
  return {
    database:
      database === undefined
        ? { kind: "sqlite", directory, timeoutMs }
        : {
            kind: "postgres",
            user: database.user,
            password: database.password,
            name: database.name,
            host: database.host,
            port: database.port,
            tls: "disable",
            tlsCaFile: null,
            poolMax: 8,
            connectTimeoutMs: 10_000,
            timeoutMs,
          },
    cdnDomain: options.cdnDomain ?? null,
    isTrustedProxy: options.isTrustedProxy ?? null,
    uploadOrigins: new Set(options.uploadOrigins),
    host: "127.0.0.1",
    hostIsDefault: false,
    port: 0,
    https: null,
    blobBytesMax,
    cacheBytesMax,
    inFlightBytesMax: options.inFlightBytesMax ?? 256 * mebibyte,
    readOnly: options.readOnly ?? false,
    storedBytesMax: options.storedBytesMax ?? 0,
    uploadTokenFile: options.uploadTokenFile ?? null,
    rates: { uploads: null, reads: null, uploadBytes: null, ...options.rates },
    denyListFile: options.denyListFile ?? null,
    drainDelayMs: 0,
    drainTimeoutMs: 10_000,
    metrics: { host: "127.0.0.1", port: 0, portIsDefault: false },
    otlp: {
      metricsUrl: null,
      intervalMs: 60_000,
      timeoutMs: 30_000,
      traces: options.traces === undefined ? null : tracesConfig,
      warnings: [],
    },
    logLevel: "debug",
    logFormat: "json",
    accessLog: options.accessLog ?? false,
    slowRequestMs: options.slowRequestMs ?? 0,
    typedSecrets: [],
    told: { flags: {}, environment: {}, defaults: {} },
  };
}

async function rowCountsOf(database: Database): Promise<RowCounts> {
  const [row] = await database.query(
    "read",
    "SELECT (SELECT count(*) FROM blobs) AS blobs, (SELECT count(*) FROM uploads) AS uploads, " +
      "(SELECT count(*) FROM blob_segments) AS segments",
  );
  return {
    blobs: Number(row?.["blobs"]),
    blob_segments: Number(row?.["segments"]),
    uploads: Number(row?.["uploads"]),
  };
}
