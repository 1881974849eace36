import { SQL } from "bun";
import { randomBytes } from "node:crypto";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type PostgresVersion, preparedBinaries } from "./postgres-binaries.ts";
import { createServerDirectory, type ServerDirectory } from "./postgres-directory.ts";
import { createPostgresProcess, runProgram } from "./postgres-process.ts";

export interface PostgresServer {
  readonly versionMajor: number;
  readonly host: "127.0.0.1";
  readonly port: number;
  /** The superuser; over TCP the password is asked for by scram-sha-256. */
  readonly user: "postgres";
  readonly password: string;
  /** Where postgres, initdb and pg_ctl live, and with Debian also psql and pg_dump. */
  readonly binDirectory: string;
  /** Runs SQL as the superuser, by default in database postgres, on a connection of its own. */
  query(text: string, database?: string): Promise<Record<string, unknown>[]>;
  /** A new database and role by the SQL of the administrator guide, under a unique name. */
  createDatabase(options?: { readonly grantSchema?: boolean }): Promise<TestDatabase>;
  /** Ends the server process, by default with mode fast; the data stay. */
  stop(mode?: "fast" | "immediate"): Promise<void>;
  /** Starts the process again, on the same port. */
  start(): Promise<void>;
  /** Ends the process and deletes everything. */
  remove(): Promise<void>;
}

export interface TestDatabase {
  readonly name: string;
  readonly user: string;
  readonly password: string;
  readonly host: string;
  readonly port: number;
  /** Disconnects whoever is connected, then drops database and role. */
  drop(): Promise<void>;
}

export interface PostgresOptions {
  readonly version?: PostgresVersion;
  /** Lines of postgresql.conf; they override the harness's own. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
}

/**
 * Starts a PostgreSQL of our own on a free port of 127.0.0.1. Removed by `remove()`, or else
 * within moments of the end of this process. Throws with the server's log if it does not start.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const directory = createServerDirectory();
  try {
    return await startedIn(directory, options);
  } catch (error) {
    await directory.remove();
    throw error;
  }
}

/** One server for the whole test run, started at first use, removed when the process ends. */
export function sharedPostgres(): Promise<PostgresServer> {
  // On globalThis, because the same module may be loaded anew for another test file.
  const holder = globalThis as { myceliumSharedPostgres?: Promise<PostgresServer> };
  holder.myceliumSharedPostgres ??= startPostgres();
  return holder.myceliumSharedPostgres;
}

/** Flags for a database of the harness. */
export function databaseFlags(database: TestDatabase): string[] {
  const { user, password, name, host, port } = database;
  return ["--db-url", `postgres://${user}:${password}@${host}:${port}/${name}`];
}

// --- internal ---

const host = "127.0.0.1";
const user = "postgres";

const defaultSettings = {
  listen_addresses: host,
  unix_socket_directories: "",
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  max_connections: "200",
};

async function startedIn(
  directory: ServerDirectory,
  options: PostgresOptions,
): Promise<PostgresServer> {
  const version = options.version ?? "debian-or-newest";
  const binDirectory = await preparedBinaries(version, directory);
  const password = randomBytes(12).toString("hex");
  const data = await createCluster(directory, { binDirectory, password });
  await appendFile(join(data, "postgresql.conf"), await settingLines(directory, options));
  const server = await createPostgresProcess(directory, binDirectory);
  const access = { host, port: server.port, user, password } as const;
  const query: PostgresServer["query"] = (text, database = "postgres") =>
    rowsOf(text, { ...access, database });
  let removed: Promise<void> | null = null;
  return {
    ...access,
    versionMajor: Number(await readFile(join(data, "PG_VERSION"), "utf8")),
    binDirectory,
    query,
    createDatabase: async ({ grantSchema = true } = {}) => {
      const database = await createdByGuide(query, grantSchema);
      return { ...database, host, port: server.port };
    },
    stop: (mode = "fast") => server.stop(mode),
    start: () => server.start(),
    remove: () => (removed ??= directory.remove()),
  };
}

async function createCluster(
  directory: ServerDirectory,
  { binDirectory, password }: { readonly binDirectory: string; readonly password: string },
): Promise<string> {
  const data = join(directory.path, "data");
  const passwordFile = join(directory.path, "password");
  await writeFile(passwordFile, password, { mode: 0o600 });
  await giveAway(directory);
  const access = ["-U", user, "-A", "scram-sha-256", `--pwfile=${passwordFile}`];
  const form = ["--no-sync", "--encoding=UTF8", "--locale=C"];
  await runProgram(directory, [join(binDirectory, "initdb"), "-D", data, ...access, ...form]);
  return data;
}

async function settingLines(
  directory: ServerDirectory,
  { settings, tls }: PostgresOptions,
): Promise<string> {
  const all: Record<string, string> = { ...defaultSettings };
  if (tls !== undefined) {
    all["ssl"] = "on";
    all["ssl_cert_file"] = join(directory.path, "server.crt");
    all["ssl_key_file"] = join(directory.path, "server.key");
    // PostgreSQL refuses a key that others can read.
    await writeFile(all["ssl_cert_file"], await readFile(tls.certFile), { mode: 0o600 });
    await writeFile(all["ssl_key_file"], await readFile(tls.keyFile), { mode: 0o600 });
    await giveAway(directory);
  }
  const lines = Object.entries({ ...all, ...settings });
  return lines.map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`).join("");
}

/** Makes everything in the directory the server's own, whatever our umask was. */
async function giveAway({ account, path }: ServerDirectory): Promise<void> {
  if (account.uid === undefined) return;
  const command = ["chown", "-R", `${account.uid}:${account.gid}`, path];
  await Bun.spawn(command, { stderr: "inherit" }).exited;
}

async function rowsOf(
  text: string,
  access: { host: string; port: number; user: string; password: string; database: string },
): Promise<Record<string, unknown>[]> {
  // Every field is named, for Bun takes the missing ones from DATABASE_URL and PG*.
  const { host: hostname, user: username, ...rest } = access;
  const fixed = { adapter: "postgres", tls: false, max: 1, connection: { options: "" } } as const;
  const sql = new SQL({ ...fixed, ...rest, hostname, username });
  try {
    return Array.from((await sql.unsafe(text)) as Record<string, unknown>[]);
  } finally {
    await sql.close();
  }
}

async function createdByGuide(query: PostgresServer["query"], grantSchema: boolean) {
  const suffix = randomBytes(6).toString("hex");
  const name = `mycelium_cdn_registry_${suffix}`;
  const role = `mycelium_${suffix}`;
  const password = randomBytes(12).toString("hex");
  await query(`CREATE DATABASE ${name}`);
  await query(`CREATE USER ${role} WITH PASSWORD '${password}'`);
  await query(`GRANT ALL PRIVILEGES ON DATABASE ${name} TO ${role}`);
  if (grantSchema) await query(`GRANT ALL ON SCHEMA public TO ${role}`, name);
  const drop = async (): Promise<void> => {
    // PostgreSQL 12 has no DROP DATABASE … WITH (FORCE).
    await query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    await query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`);
    await query(`DROP DATABASE ${name}`);
    await query(`DROP ROLE ${role}`);
  };
  return { name, user: role, password, drop };
}
