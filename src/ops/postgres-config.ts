import { readFileSync } from "node:fs";
import { parseDatabaseUrl } from "./database-url.ts";
import { toQuoted } from "./printable.ts";
import type { Settings } from "./settings.ts";
import { UsageError } from "./usage-error.ts";

const tlsModes = ["disable", "prefer", "require", "verify-full"] as const;

/** How to reach PostgreSQL: every field, so that nothing is left to libpq's variables. */
export interface PostgresConfig {
  readonly kind: "postgres";
  readonly user: string;
  /** May be empty: servers that trust the connection ask for none. */
  readonly password: string;
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly tls: (typeof tlsModes)[number];
  /** Only with `verify-full`; null: the system's authorities. */
  readonly tlsCaFile: string | null;
  /** Connections of all pools together. */
  readonly poolMax: number;
  readonly connectTimeoutMs: number;
  readonly timeoutMs: number;
}

const urlReplaces = [
  "db-user",
  "db-password",
  "db-password-file",
  "db-name",
  "db-host",
  "db-port",
] as const;

/**
 * The connection that the flags describe, one by one or as `--db-url`.
 * @throws UsageError when they do not describe exactly one
 */
export function readPostgresConfig(settings: Settings): PostgresConfig {
  const urlSource = settings.sourceOf("db-url");
  const target = urlSource === null ? readFields(settings) : readUrl(settings, urlSource);
  const tlsCaFile = settings.text("db-tls-ca");
  if (tlsCaFile !== null && target.tls !== "verify-full") {
    const source = settings.sourceOf("db-tls-ca");
    throw new UsageError(`${source} is only used with --db-tls verify-full; add that, or drop it`);
  }
  return {
    kind: "postgres",
    ...target,
    tlsCaFile,
    poolMax: settings.number("db-pool"),
    connectTimeoutMs: settings.number("db-connect-timeout"),
    timeoutMs: settings.number("db-timeout"),
  };
}

// --- internal ---

type Target = Pick<PostgresConfig, "user" | "password" | "name" | "host" | "port" | "tls">;

function readFields(settings: Settings): Target {
  const user = settings.text("db-user");
  const password = readPassword(settings);
  if (user === null && password === null) {
    throw new UsageError(
      "which database? give --db-user and --db-password (or --db-password-file), or --db-url, " +
        "or --embedded DIR to run without PostgreSQL",
    );
  }
  if (user === null) throw new UsageError("--db-user is missing: the PostgreSQL user");
  if (password === null) {
    throw new UsageError(
      "--db-password is missing (or --db-password-file FILE, which keeps it out of `ps`)",
    );
  }
  return { user, password, ...readDefaults(settings), tls: readTls(settings) };
}

function readDefaults(settings: Settings): Pick<Target, "name" | "host" | "port"> {
  return {
    name: settings.text("db-name") ?? "",
    host: settings.text("db-host") ?? "",
    port: settings.number("db-port"),
  };
}

function readTls(settings: Settings): Target["tls"] {
  return settings.choice("db-tls") ?? "prefer";
}

function readUrl(settings: Settings, source: string): Target {
  for (const name of urlReplaces) {
    const other = settings.sourceOf(name);
    if (other === null) continue;
    throw new UsageError(
      `${source} and ${other} exclude each other: the URL says it all; drop one`,
    );
  }
  const { user, password, sslmode, ...url } = parseDatabaseUrl(
    settings.text("db-url") ?? "",
    source,
  );
  const defaults = readDefaults(settings);
  return {
    user,
    password,
    name: url.name ?? defaults.name,
    host: url.host,
    port: url.port ?? defaults.port,
    tls: sslmode === null ? readTls(settings) : readSslmode(sslmode, settings, source),
  };
}

function readSslmode(sslmode: string, settings: Settings, source: string): Target["tls"] {
  const other = settings.sourceOf("db-tls");
  if (other !== null) {
    throw new UsageError(`${source} has sslmode, and ${other} is given too; drop one`);
  }
  const mode = tlsModes.find((known) => known === sslmode);
  if (mode !== undefined) return mode;
  throw new UsageError(
    `${source} has sslmode ${toQuoted(sslmode)}, which is none of ${tlsModes.join(", ")}`,
  );
}

function readPassword(settings: Settings): string | null {
  const source = settings.sourceOf("db-password-file");
  const other = settings.sourceOf("db-password");
  if (source === null) return settings.text("db-password");
  if (other !== null) throw new UsageError(`${other} and ${source} exclude each other; drop one`);
  const path = settings.text("db-password-file") ?? "";
  const password = readText(path, source).replace(/\r?\n$/, "");
  if (password !== "" && !password.includes("\0")) return password;
  const what = password === "" ? "is empty" : "holds a zero byte";
  throw new UsageError(`${source}: ${toQuoted(path)} ${what}; write the password into it`);
}

function readText(path: string, source: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
  } catch (cause) {
    throw new UsageError(`${source}: cannot read ${toQuoted(path)}: ${reasonOf(cause)}`, { cause });
  }
}

function reasonOf(cause: unknown): string {
  // Node's messages end in ", open '<path>'", and the path is already there.
  if (cause instanceof Error && "syscall" in cause)
    return cause.message.replace(/, \w+( '.*)?$/s, "");
  return "it is not UTF-8 text";
}
