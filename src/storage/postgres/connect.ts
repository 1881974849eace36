import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { codeOf, hasCode, StartError } from "../../domain/errors.ts";
import type { Log } from "../../domain/log.ts";
import type { Database } from "../database.ts";
import { openPostgres, type PostgresOptions } from "./open.ts";
import { failureBehind, placeOf, toStartError } from "./start-errors.ts";

const versionNumberMin = 120_000;
const retryDelayMs = 250;

/**
 * Opens PostgreSQL and waits until it answers. While it refuses connections or is still starting,
 * tries again until `connectTimeoutMs` is over.
 * @throws StartError with cause and remedy
 */
export async function connectPostgres(
  options: PostgresOptions,
  log: Log,
  signal?: AbortSignal,
): Promise<Database> {
  const database = openPostgres(options);
  const startedAt = performance.now();
  let isAnnounced = false;
  for (;;) {
    try {
      await checkHost(options.host);
      await checkVersion(database);
      return database;
    } catch (error) {
      const leftMs = options.connectTimeoutMs - (performance.now() - startedAt);
      if (!mayPass(error) || leftMs <= 0 || signal?.aborted === true) {
        await database.close();
        throw toStartError(error, options);
      }
      if (!isAnnounced) log.warn("waiting for PostgreSQL", { place: placeOf(options), error });
      isAnnounced = true;
      await Bun.sleep(Math.min(retryDelayMs, leftMs));
    }
  }
}

/** @throws StartError when the server is older than the registry can use */
export async function checkVersion(database: Database): Promise<void> {
  const [row] = await database.query(
    "health",
    "SELECT current_setting('server_version_num') AS number, " +
      "current_setting('server_version') AS text",
  );
  if (Number(row?.["number"]) >= versionNumberMin) return;
  throw new StartError(
    `PostgreSQL ${String(row?.["text"])} is too old; the registry needs PostgreSQL 12 or later`,
  );
}

// --- internal ---

/** The driver says "refused" of an unknown host too, which no waiting helps. */
async function checkHost(host: string): Promise<void> {
  if (host.startsWith("/") || isIP(host) !== 0) return;
  try {
    await lookup(host);
  } catch (error) {
    throw new StartError(
      `the database host "${host}" is unknown; correct --db-host, or the name server`,
      { cause: error },
    );
  }
}

/** Whether waiting may help: refused, still starting, or no answer. */
function mayPass(error: unknown): boolean {
  // The name server did not answer, which is not to say that the name is unknown.
  if (error instanceof StartError) return codeOf(error.cause) === "EAI_AGAIN";
  if (hasCode(error, "database_timeout")) return true;
  const failure = failureBehind(error);
  return (
    failure !== null &&
    (failure.sqlState === "57P03" ||
      failure.code === "ERR_POSTGRES_CONNECTION_REFUSED" ||
      failure.code === "ERR_POSTGRES_CONNECTION_CLOSED")
  );
}
