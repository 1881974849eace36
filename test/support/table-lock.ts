import { SQL } from "bun";
import type { PostgresServer, TestDatabase } from "./postgres.ts";
import { eventually } from "./registry.ts";

/** A session that holds a table, so that whoever reads or writes it waits. */
export interface TableLock {
  /** Resolves once somebody waits for the table. */
  awaited(): Promise<void>;
  release(): Promise<void>;
}

/** Locks a table of a database against everybody, by a session of its own. */
export async function lockTable(
  server: PostgresServer,
  database: TestDatabase,
  table: string,
): Promise<TableLock> {
  const { host, port, user, password } = server;
  const fixed = { adapter: "postgres", tls: false, max: 1, connection: { options: "" } } as const;
  const access = { hostname: host, port, username: user, password, database: database.name };
  const sql = new SQL({ ...fixed, ...access });
  await sql.unsafe("BEGIN");
  await sql.unsafe(`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
  return {
    async awaited() {
      await eventually(async () => {
        const [row] = await server.query(
          `SELECT count(*)::int AS total FROM pg_locks WHERE NOT granted AND relation = '${table}'::regclass`,
          database.name,
        );
        return Number(row?.["total"]) > 0;
      });
    },
    async release() {
      await sql.unsafe("ROLLBACK");
      await sql.close();
    },
  };
}
