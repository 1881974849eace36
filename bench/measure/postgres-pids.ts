import { type PostgresServer } from "../../test/support/postgres.ts";
import { childrenOf } from "./proc.ts";

/** The processes of a PostgreSQL server, at the time they are asked for. */
export async function postgresPids(postgres: PostgresServer): Promise<() => readonly number[]> {
  const [row] = await postgres.query("SELECT pg_read_file('postmaster.pid') AS text");
  const postmaster = Number.parseInt(String(row?.["text"]), 10);
  return () => [postmaster, ...childrenOf(postmaster)];
}
