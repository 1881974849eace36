import { SQL } from "bun";
import type { PostgresServer } from "../../support/postgres.ts";

/** Who may do everything on a server of the harness, and on copies of it. */
export type Superuser = Pick<PostgresServer, "user" | "password">;

/** Asks the server that listens on `port`; its superuser is that of the harness's server. */
export function queryOn(port: number, { user, password }: Superuser): PostgresServer["query"] {
  return async (text, database = "postgres") => {
    const fixed = { adapter: "postgres", tls: false, max: 1, hostname: "127.0.0.1" } as const;
    const sql = new SQL({ ...fixed, port, username: user, password, database });
    try {
      return Array.from((await sql.unsafe(text)) as Record<string, unknown>[]);
    } finally {
      await sql.close();
    }
  };
}
