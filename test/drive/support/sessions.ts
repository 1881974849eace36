import { SQL } from "bun";
import type { PostgresServer, TestDatabase } from "../../support/postgres.ts";

/** Sessions that take every connection they can get. */
export interface Hog {
  /** Gives them back. */
  release(): Promise<void>;
}

/** Ends the registry's sessions in a database. */
export async function terminateSessions(
  server: PostgresServer,
  { name }: TestDatabase,
  signal: "terminate" | "cancel" = "terminate",
): Promise<void> {
  await server.query(
    `SELECT pg_${signal}_backend(pid) FROM pg_stat_activity
     WHERE datname = '${name}' AND application_name = 'mycelium-cdn-registry'`,
  );
}

/**
 * Takes all connections that ordinary roles may have, those of the registry first; resolves once
 * there are none left.
 */
export async function hogConnections(server: PostgresServer, database: TestDatabase): Promise<Hog> {
  const { host: hostname, port, name, user: username, password } = database;
  const access = { hostname, port, database: name, username, password };
  const sessions: SQL[] = [];
  const open = async (): Promise<boolean> => {
    const sql = new SQL({ adapter: "postgres", tls: false, max: 1, ...access });
    try {
      await sql.unsafe("SELECT 1");
      sessions.push(sql);
      return true;
    } catch {
      await sql.close();
      return false;
    }
  };
  for (let refusals = 0; refusals < 5;) {
    if (await open()) {
      refusals = 0;
      continue;
    }
    // The server counts those that it is about to refuse, too, and may have no room for us.
    const others = await sessionsOf(server, database).catch(() => Number.NaN);
    if (others === 0) {
      refusals += 1;
      await Bun.sleep(30); // one that is being opened shows a moment later
    } else {
      refusals = 0;
      await terminateSessions(server, database).catch(() => Bun.sleep(20));
    }
  }
  return {
    async release() {
      await Promise.all(sessions.map((sql) => sql.close()));
    },
  };
}

// --- internal ---

async function sessionsOf(server: PostgresServer, { name }: TestDatabase): Promise<number> {
  const [row] = await server.query(
    `SELECT count(*)::int AS total FROM pg_stat_activity
     WHERE datname = '${name}' AND application_name = 'mycelium-cdn-registry'`,
  );
  return Number(row?.["total"]);
}
