import { existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { SQL } from "bun";
import { Database as UnchangingFile } from "bun:sqlite";
import { databaseTimeout } from "../../domain/deadline.ts";
import { codeOf, RegistryError, StartError } from "../../domain/errors.ts";
import type { Database, Lane, Param, Query, Row, Rows } from "../database.ts";
import { sqliteDialect } from "./dialect.ts";
import { watchFile } from "./moved-file.ts";

/** Where the embedded store lives. */
export interface SqliteOptions {
  readonly directory: string;
  /** Whether a registry may use it meanwhile: for a few short transactions. */
  readonly isShared?: boolean;
}

/** How long SQLite waits, and this thread with it, for another process that writes. */
const busyMsMax = 1000;

/** What SQLite may leave in its write-ahead log between checkpoints. */
const walBytesMax = 64 * 1024 * 1024;

/**
 * Opens the embedded store of a directory, which is made when it is missing. Commits are durable:
 * write-ahead log, synchronous FULL. SQLite runs on this thread, a statement at a time, so its
 * statements need no deadline.
 * @throws StartError when the directory cannot be used, or another process uses it
 */
export async function openSqlite(options: SqliteOptions): Promise<Database> {
  const directory = resolve(options.directory);
  makeDirectory(directory);
  const lock = await lockDirectory(directory, options.isShared === true);
  const { writer, reader } = await openFiles(directory, lock);
  const checkFile = watchFile(fileIn(directory));

  // A transaction spans several turns of the event loop. Whatever else ran on its connection
  // meanwhile would become part of it, and be lost if it is rolled back: hence one at a time.
  let lastWrite: Promise<unknown> = Promise.resolve();
  async function exclusively<T>(work: () => Promise<T>): Promise<T> {
    const turn = lastWrite.then(work);
    lastWrite = turn.catch(() => {});
    const outcome = await turn;
    checkFile();
    return outcome;
  }

  async function query(lane: Lane, text: string, params: readonly Param[] = []): Promise<Rows> {
    return lane === "write"
      ? await exclusively(async () => await run(writer, text, params))
      : await run(reader, text, params);
  }

  async function transaction<T>(_: Lane, work: (query: Query) => Promise<T>): Promise<T> {
    return await exclusively(async () => {
      try {
        return await writer.begin(
          async (sql) => await work((text, params) => run(sql, text, params)),
        );
      } catch (error) {
        throw toRegistryError(error); // the commit is where a full disk shows
      }
    });
  }

  async function close(): Promise<void> {
    await lastWrite;
    await Promise.all([reader.close(), writer.close()]);
    await lock.close();
  }

  return { dialect: sqliteDialect, connections: oneEach, query, transaction, renew() {}, close };
}

/**
 * Opens the embedded store of a directory to look at it, beside a registry that uses it or alone;
 * null where there is none. Nothing is made, and every change fails. Where nobody may write in the
 * directory, the file is taken for one that does not change.
 * @throws StartError when it cannot be read
 */
export async function openSqliteToRead(options: SqliteOptions): Promise<Database | null> {
  const file = fileIn(resolve(options.directory));
  if (!existsSync(file)) return null;
  // With a write-ahead log there is a registry, or one was killed, and the file is left to it.
  // Otherwise SQLite makes a log to read, which only a connection that may write removes again.
  const readonly = existsSync(`${file}-wal`);
  const sql = new SQL({ adapter: "sqlite", filename: file, readonly, create: false });
  try {
    await sql.unsafe(`PRAGMA busy_timeout = ${busyMsMax}`);
    await sql.unsafe("PRAGMA query_only = ON");
    await sql.unsafe("SELECT count(*) FROM sqlite_master");
  } catch (error) {
    await sql.close();
    const unchanging = isForbidden(error) ? openUnchanging(file) : null;
    if (unchanging !== null) return unchanging;
    const remedy = isForbidden(error)
      ? "run this as the user whom the registry runs as"
      : "restore it from a backup, or correct --embedded";
    throw new StartError(`cannot read ${file} (${reasonOf(error)}); ${remedy}`, { cause: error });
  }
  const query: Query = async (text, params) => await run(sql, text, params);
  return {
    dialect: sqliteDialect,
    connections: oneEach,
    query: async (_, text, params) => await query(text, params),
    transaction: async (_, work) => await work(query),
    renew() {},
    close: async () => await sql.close(),
  };
}

// --- internal ---

const oneEach = { read: 1, write: 1, stream: 1, health: 1 } as const;

function fileIn(directory: string): string {
  return join(directory, "registry.sqlite");
}

function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true });
  } catch (error) {
    throw new StartError(
      `cannot make the directory ${directory} (${reasonOf(error)}); ` +
        "choose another with --embedded, or let this user write there",
      { cause: error },
    );
  }
}

/** Holds a lock that the kernel lets go when the process ends, however it ends. */
async function lockDirectory(directory: string, isShared: boolean): Promise<SQL> {
  const lock = new SQL({ adapter: "sqlite", filename: join(directory, "registry.lock") });
  try {
    await lock.unsafe("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    const isTaken = codeOf(error) === "SQLITE_BUSY";
    if (isTaken && isShared) return lock; // SQLite keeps the two from each other
    await lock.close();
    if (!isTaken) throw cannotWrite(directory, error);
    throw new StartError(
      `another process is using ${directory}; an embedded store belongs to one registry: ` +
        "stop that one, choose another directory, or share a PostgreSQL database",
      { cause: error },
    );
  }
}

function cannotWrite(place: string, cause: unknown): StartError {
  return new StartError(
    `cannot write in ${place} (${reasonOf(cause)}); ` +
      "choose another directory with --embedded, or let this user write there",
    { cause },
  );
}

async function openFiles(directory: string, lock: SQL): Promise<{ writer: SQL; reader: SQL }> {
  const file = fileIn(directory);
  const opened: SQL[] = [lock];
  try {
    const writer = await openFile(file);
    opened.push(writer);
    return { writer, reader: await openFile(file) };
  } catch (error) {
    await Promise.all(opened.map((sql) => sql.close()));
    throw error;
  }
}

async function openFile(file: string): Promise<SQL> {
  const sql = new SQL({ adapter: "sqlite", filename: file });
  try {
    await sql.unsafe(`PRAGMA busy_timeout = ${busyMsMax}`);
    await sql.unsafe("PRAGMA journal_mode = WAL");
    await sql.unsafe("PRAGMA synchronous = FULL");
    await sql.unsafe(`PRAGMA journal_size_limit = ${walBytesMax}`);
    return sql;
  } catch (error) {
    await sql.close();
    if (isForbidden(error)) throw cannotWrite(file, error);
    throw new StartError(
      `cannot open ${file} (${reasonOf(error)}); restore it from a backup, or choose another ` +
        "directory with --embedded",
      { cause: error },
    );
  }
}

/** SQLITE_OPEN_READONLY and SQLITE_OPEN_URI. */
const unchangingFlags = 0x41;

/**
 * Opens a file without the lock and the log beside it that SQLite else needs for reading too, or
 * gives null: where there is a log, the file is not all of it.
 */
function openUnchanging(file: string): Database | null {
  if (existsSync(`${file}-wal`)) return null;
  const url = `${Bun.pathToFileURL(file).href}?immutable=1`;
  try {
    const opened = new UnchangingFile(url, unchangingFlags);
    opened.query("SELECT count(*) FROM sqlite_master").get();
    const query: Query = async (text, params = []) => {
      try {
        const rows = opened.query<Row, Param[]>(numbered(text)).all(...params);
        return Object.assign(rows, { count: rows.length });
      } catch (error) {
        throw toRegistryError(error);
      }
    };
    return {
      dialect: sqliteDialect,
      connections: oneEach,
      query: async (_, text, params) => await query(text, params),
      transaction: async (_, work) => await work(query),
      renew() {},
      close: async () => opened.close(),
    };
  } catch {
    return null;
  }
}

function isForbidden(error: unknown): boolean {
  return /^SQLITE_(READONLY|CANTOPEN|PERM)/.test(codeOf(error));
}

async function run(sql: SQL, text: string, params: readonly Param[] = []): Promise<Rows> {
  try {
    return await sql.unsafe<Rows>(numbered(text), [...params]);
  } catch (error) {
    throw toRegistryError(error);
  }
}

const numberedTexts = new Map<string, string>();

/** SQLite numbers `$2` by where it first stands, and `?2` by its number: as PostgreSQL means it. */
function numbered(text: string): string {
  let known = numberedTexts.get(text);
  if (known === undefined) {
    known = text.replaceAll(/\$(?=\d)/g, "?");
    if (numberedTexts.size < 256) numberedTexts.set(text, known);
  }
  return known;
}

const trouble = /^(ERR_SQLITE_CONNECTION_CLOSED$|SQLITE_(IOERR|CANTOPEN|READONLY|NOMEM))/;

function toRegistryError(thrown: unknown): unknown {
  const code = codeOf(thrown);
  if (code === "SQLITE_FULL") {
    return new RegistryError("storage_full", "The disk is full; nothing was stored.", {
      cause: thrown,
    });
  }
  if (/^SQLITE_(BUSY|LOCKED)/.test(code)) return databaseTimeout(busyMsMax, thrown);
  if (trouble.test(code)) {
    return new RegistryError(
      "database_unavailable",
      "The embedded database cannot be used at the moment; try again later.",
      { cause: thrown },
    );
  }
  return thrown;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
