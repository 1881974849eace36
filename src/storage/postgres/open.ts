import { SQL } from "bun";
import { databaseTimeout, withDeadline } from "../../domain/deadline.ts";
import type { Database, Lane, Query, Rows } from "../database.ts";
import { postgresDialect } from "./dialect.ts";
import { toRegistryError } from "./errors.ts";

/** How libpq names what TLS must give (PostgreSQL, section 34.19.3). */
export type TlsMode = "disable" | "prefer" | "require" | "verify-full";

/** Where PostgreSQL is and how to use it; all is passed on, so no variable of libpq counts. */
export interface PostgresOptions {
  readonly user: string;
  readonly password: string;
  readonly name: string;
  /** A host name, an address, or the directory of a Unix socket (it begins with `/`). */
  readonly host: string;
  readonly port: number;
  readonly tls: TlsMode;
  /** PEM text of the authorities to trust, for `verify-full`; null: those Bun trusts. */
  readonly tlsCa: string | null;
  /** Connections of all lanes together, at least 4. */
  readonly poolMax: number;
  /** How long one connection attempt may take. */
  readonly connectTimeoutMs: number;
  /** A statement's deadline. */
  readonly timeoutMs: number;
}

/** The network gets this much longer than the server's own deadline, whose answer tells more. */
const graceMs = 500;

/** Opens PostgreSQL. Connects at the first statement, and anew at the next after a loss. */
export function openPostgres(options: PostgresOptions): Database {
  const pools = openPools(options);
  const { timeoutMs } = options;

  async function query(lane: Lane, text: string, params: readonly unknown[] = []): Promise<Rows> {
    const statement = pools[lane].unsafe(text, [...params]);
    try {
      return await withDeadline<Rows>(statement, timeoutMs + graceMs, () => {
        void statement.cancel();
        return databaseTimeout(timeoutMs);
      });
    } catch (error) {
      throw toRegistryError(error, timeoutMs);
    }
  }

  async function transaction<T>(lane: Lane, work: (query: Query) => Promise<T>): Promise<T> {
    // `begin` waits for a free connection without a bound; the deadline is for all of it together.
    let isLate = false;
    const whole = pools[lane].begin(async (sql) => {
      if (isLate) throw databaseTimeout(timeoutMs);
      return await work(async (text, params = []) => await sql.unsafe<Rows>(text, [...params]));
    });
    try {
      return await withDeadline(whole, 2 * timeoutMs + graceMs, () => {
        isLate = true;
        return databaseTimeout(timeoutMs);
      });
    } catch (error) {
      throw toRegistryError(error, timeoutMs);
    }
  }

  async function close(): Promise<void> {
    await Promise.all(Object.values(pools).map((pool) => pool.close({ timeout: 5 })));
  }

  return {
    dialect: postgresDialect,
    connections: poolShares(options.poolMax),
    query,
    transaction,
    close,
  };
}

// --- internal ---

function openPools(options: PostgresOptions): Record<Lane, SQL> {
  const shares = poolShares(options.poolMax);
  const open = (max: number): SQL =>
    new SQL({
      adapter: "postgres",
      ...(options.host.startsWith("/") ? { path: options.host } : { hostname: options.host }),
      port: options.port,
      username: options.user,
      // As a function: a password given as a string would fall back to PGPASSWORD when empty.
      password: () => options.password,
      database: options.name,
      tls: options.tlsCa === null ? options.tls : { ca: options.tlsCa, rejectUnauthorized: true },
      max,
      idleTimeout: 0,
      maxLifetime: 0,
      connectionTimeout: Math.max(1, Math.ceil(options.connectTimeoutMs / 1000)),
      connection: {
        application_name: "mycelium-cdn-registry",
        client_encoding: "UTF8",
        statement_timeout: String(options.timeoutMs),
        lock_timeout: String(options.timeoutMs),
        idle_in_transaction_session_timeout: String(2 * options.timeoutMs),
        // A range join's rows are overestimated, and compiling it would cost more than running it.
        jit: "off",
      },
    });
  return {
    read: open(shares.read),
    write: open(shares.write),
    stream: open(shares.stream),
    health: open(shares.health),
  };
}

/** How the pool is divided: writes need few connections, since a statement stores many blobs. */
export function poolShares(poolMax: number): Record<Lane, number> {
  const health = 1;
  const write = poolMax >= 6 ? 2 : 1;
  const stream = Math.max(1, Math.floor(poolMax / 4));
  return { health, write, stream, read: poolMax - health - write - stream };
}
