import { join } from "node:path";
import type { PostgresServer } from "../../support/postgres.ts";
import { createServerDirectory } from "../../support/postgres-directory.ts";
import { createPostgresProcess, runProgram } from "../../support/postgres-process.ts";
import { queryOn } from "./superuser.ts";

/** A server that follows another. */
export interface Standby {
  readonly port: number;
  query: PostgresServer["query"];
  /** Makes it a server of its own; resolves once it can be written to. */
  promote(): Promise<void>;
  remove(): Promise<void>;
}

/** How a standby is fed. */
export interface StandbyOptions {
  /** Where it reaches its primary; by default directly. */
  readonly port?: number;
  /** When a commit is acknowledged: before, or after the standby has it, or shows it. */
  readonly commits: "asynchronous" | "kept by both" | "shown by both";
}

/** Copies a running server into a standby, and waits until it follows. */
export async function startStandby(
  primary: PostgresServer,
  { port = primary.port, commits }: StandbyOptions,
): Promise<Standby> {
  const directory = createServerDirectory();
  const { user, password, binDirectory } = primary;
  const access = `host=127.0.0.1 user=${user} password=${password} application_name=standby`;
  const data = join(directory.path, "data");
  const copying = [join(binDirectory, "pg_basebackup"), "-D", data, "-R", "--no-sync"];
  const source = ["-d", `${access} port=${port}`, "-X", "stream", "-c", "fast"];
  await runProgram(directory, [...copying, ...source]);
  const { port: own } = await createPostgresProcess(directory, binDirectory);
  await followed(primary);
  const isSynchronous = commits !== "asynchronous";
  await primary.query(`ALTER SYSTEM SET synchronous_standby_names = '${isSynchronous ? "*" : ""}'`);
  const mode = commits === "shown by both" ? "remote_apply" : "on";
  await primary.query(`ALTER SYSTEM SET synchronous_commit = '${mode}'`);
  await primary.query("SELECT pg_reload_conf()");
  const query = queryOn(own, primary);
  return {
    port: own,
    query,
    async promote() {
      // Its settings are a copy of the primary's, and nobody follows it.
      await query("SELECT pg_promote(true, 30)");
    },
    remove: () => directory.remove(),
  };
}

// --- internal ---

async function followed(primary: PostgresServer): Promise<void> {
  for (;;) {
    const [row] = await primary.query(
      "SELECT count(*)::int AS total FROM pg_stat_replication WHERE state = 'streaming'",
    );
    if (Number(row?.["total"]) > 0) return;
    await Bun.sleep(50);
  }
}
