import { databaseTimeout, withDeadline } from "../../domain/deadline.ts";
import { limits } from "../../domain/limits.ts";
import {
  lanes,
  type Database,
  type Lane,
  type Query,
  type Rows,
  type TransactionOptions,
} from "../database.ts";
import { postgresDialect } from "./dialect.ts";
import { isReadOnly, isUnreachable, toRegistryError } from "./errors.ts";
import { graceMs, openPools, poolShares, type Pool } from "./pools.ts";

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

/**
 * Opens PostgreSQL. Connects at the first statement, and anew at the next after a loss. A call that
 * no server answered in time was sent on a connection that may never work again: the connections of
 * its lane are given up, those under way on others in peace; and with the next answer those of
 * lanes that have had none since. So are connections to a server that may only be read, since
 * another one may have its address by now: once one is found that may be written to, those of the
 * other lanes follow, for what is stored there must be found there.
 */
export function openPostgres(options: PostgresOptions): Database {
  const { timeoutMs } = options;
  const pools = openPools(options);
  let isReadOnlyServer = false;

  /** What the registry tells of a failure, and what becomes of the connections. */
  function failed(error: unknown, lane: Lane, pool: Pool): unknown {
    const told = toRegistryError(error, timeoutMs);
    if (!isUnreachable(told)) pools.answered(lane);
    if (!isReadOnly(error)) return told;
    isReadOnlyServer = true;
    const isOld = performance.now() - pool.sinceMs > limits.standbyRenewMs;
    if (isOld) pools.replace(lane, pool);
    return told;
  }

  /** A change worked. */
  function changed(): void {
    isReadOnlyServer = false;
    for (const lane of lanes) if (lane !== "write") pools.replace(lane, pools.of(lane));
  }

  async function query(lane: Lane, text: string, params: readonly unknown[] = []): Promise<Rows> {
    const pool = pools.of(lane);
    const statement = pool.sql.unsafe(text, [...params]);
    try {
      const rows = await withDeadline<Rows>(statement, timeoutMs + graceMs, () => {
        void statement.cancel();
        pools.replaceSilent(lane, pool);
        return databaseTimeout(timeoutMs);
      });
      pools.answered(lane);
      if (isReadOnlyServer && lane === "write") changed();
      return rows;
    } catch (error) {
      throw failed(error, lane, pool);
    }
  }

  async function transaction<T>(
    lane: Lane,
    work: (query: Query) => Promise<T>,
    { isUnbounded = false }: TransactionOptions = {},
  ): Promise<T> {
    // `begin` waits for a free connection without a bound; the deadline is for all of it together.
    const pool = pools.of(lane);
    let isLate = false;
    const whole = pool.sql.begin(async (sql) => {
      if (isLate) throw databaseTimeout(timeoutMs);
      if (isUnbounded) await sql.unsafe("SET LOCAL statement_timeout = 0");
      return await work(async (text, params = []) => await sql.unsafe<Rows>(text, [...params]));
    });
    try {
      if (isUnbounded) return await whole;
      const result = await withDeadline(whole, 2 * timeoutMs + graceMs, () => {
        isLate = true;
        pools.replaceSilent(lane, pool);
        return databaseTimeout(timeoutMs);
      });
      pools.answered(lane);
      return result;
    } catch (error) {
      throw failed(error, lane, pool);
    }
  }

  return {
    dialect: postgresDialect,
    connections: poolShares(options.poolMax),
    query,
    transaction,
    renew: (lane) => pools.replaceSilent(lane, pools.of(lane), 0),
    close: async () => await pools.close(),
  };
}
