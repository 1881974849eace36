import { startPostgres, type PostgresServer } from "../../support/postgres.ts";

/**
 * A PostgreSQL whose commits survive the end of its processes, which the tests' usual one trades
 * for speed. Only the machine itself may not fail: nothing waits for the disk.
 */
export async function startDurablePostgres(
  settings: Readonly<Record<string, string>> = {},
): Promise<PostgresServer> {
  return await startPostgres({ settings: { ...durable, ...settings } });
}

// --- internal ---

const durable = {
  synchronous_commit: "on",
  full_page_writes: "on",
  fsync: "off",
  max_connections: "100",
  // A fast shutdown waits for whoever has connected and says nothing, as out of a black hole.
  authentication_timeout: "3s",
  // A standby that is made under load needs what was written meanwhile.
  wal_keep_size: "1GB",
  max_wal_size: "2GB",
};
