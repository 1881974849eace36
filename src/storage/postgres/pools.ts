import { SQL } from "bun";
import { lanes, type Lane } from "../database.ts";
import type { PostgresOptions } from "./open.ts";

/** The connections of a lane, and since when there are these. */
export interface Pool {
  readonly sql: SQL;
  readonly sinceMs: number;
}

/** The connections of every lane. */
export interface Pools {
  of(lane: Lane): Pool;
  /**
   * Gives up the connections of a lane for new ones, unless they have been given up already: `pool`
   * is what did not work. What is under way on them may go on to its deadline.
   */
  replace(lane: Lane, pool: Pool): void;
  /**
   * Replaces connections on which nobody answered. Those of other lanes may be as dead, for the
   * network is the same: once this lane is answered again, they are replaced, too, unless they
   * have been answered meanwhile. What is under way has so many seconds, by default as above.
   */
  replaceSilent(lane: Lane, pool: Pool, graceSeconds?: number): void;
  /** A lane had an answer. */
  answered(lane: Lane): void;
  /** Resolves once all are closed, but for those that were given up. */
  close(): Promise<void>;
}

/** Opens pools, which connect when they are first used. */
export function openPools(options: PostgresOptions): Pools {
  const shares = poolShares(options.poolMax);
  /** Longer than what is under way on connections that are given up may take. */
  const graceSecondsMax = Math.ceil((2 * options.timeoutMs + graceMs) / 1000);
  const open = (lane: Lane): Pool => ({
    sql: openPool(options, shares[lane]),
    sinceMs: performance.now(),
  });
  const pools: Record<Lane, Pool> = {
    read: open("read"),
    write: open("write"),
    stream: open("stream"),
    health: open("health"),
  };

  /** Lanes that had no answer, and those that have had none since. */
  const silent = new Set<Lane>();
  const doubtful = new Set<Lane>();

  function replace(lane: Lane, pool: Pool, graceSeconds = graceSecondsMax): void {
    if (pools[lane] !== pool) return;
    pools[lane] = open(lane);
    // Whoever waits for a statement of it hears of it.
    void pool.sql.close({ timeout: graceSeconds }).catch(() => {});
  }

  return {
    of: (lane) => pools[lane],
    replace,
    replaceSilent(lane, pool, graceSeconds) {
      if (pools[lane] !== pool) return;
      silent.add(lane);
      for (const other of lanes) if (other !== lane) doubtful.add(other);
      replace(lane, pool, graceSeconds);
    },
    answered(lane) {
      if (silent.size === 0) return;
      doubtful.delete(lane);
      if (!silent.has(lane)) return;
      for (const other of doubtful) replace(other, pools[other]);
      silent.clear();
      doubtful.clear();
    },
    async close() {
      const closing = Object.values(pools).map(({ sql }) => sql.close({ timeout: 5 }));
      await Promise.all(closing);
    },
  };
}

/** How the pool is divided: writes need few connections, since a statement stores many blobs. */
export function poolShares(poolMax: number): Record<Lane, number> {
  const health = 1;
  const write = poolMax >= 6 ? 2 : 1;
  const stream = Math.max(1, Math.floor(poolMax / 4));
  return { health, write, stream, read: poolMax - health - write - stream };
}

/** The network gets this much longer than the server's own deadline, whose answer tells more. */
export const graceMs = 500;

// --- internal ---

function openPool(options: PostgresOptions, max: number): SQL {
  return new SQL({
    adapter: "postgres",
    ...(options.host.startsWith("/") ? { path: options.host } : { hostname: options.host }),
    port: options.port,
    username: options.user,
    // As a function: a password given as a string would fall back to PGPASSWORD when empty.
    password: () => options.password,
    database: options.name,
    tls: tlsOf(options),
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
      // A server that hears nothing more of us gives its side of the connection up.
      tcp_keepalives_idle: "30",
      tcp_keepalives_interval: "10",
      tcp_keepalives_count: "3",
      // A range join's rows are overestimated, and compiling it would cost more than running it.
      jit: "off",
    },
  });
}

/** In full where the server is verified: else NODE_TLS_REJECT_UNAUTHORIZED would have a say. */
function tlsOf({ tls, tlsCa }: PostgresOptions): Bun.SQL.PostgresOrMySQLOptions["tls"] {
  if (tls !== "verify-full") return tls;
  return { rejectUnauthorized: true, ...(tlsCa === null ? {} : { ca: tlsCa }) };
}
