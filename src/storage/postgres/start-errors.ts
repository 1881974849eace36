import { StartError } from "../../domain/errors.ts";
import { driverFailureOf, isCertificateTrouble, type DriverFailure } from "./errors.ts";
import type { PostgresOptions } from "./open.ts";

const whereFlags = "--db-host and --db-port";

/** Where the database is, for people. */
export function placeOf({ host, port }: PostgresOptions): string {
  if (host.startsWith("/")) return `${host}/.s.PGSQL.${port}`;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The driver's failure in a thrown value or, when it has been translated, in its cause. */
export function failureBehind(thrown: unknown): DriverFailure | null {
  if (!(thrown instanceof Error)) return null;
  return driverFailureOf(thrown.cause) ?? driverFailureOf(thrown);
}

/**
 * Why the registry cannot start on this PostgreSQL, with the remedy: one line. The password is in
 * none of them.
 */
export function toStartError(thrown: unknown, options: PostgresOptions): StartError {
  if (thrown instanceof StartError) return thrown;
  const failure = failureBehind(thrown);
  const why =
    failure === null
      ? `PostgreSQL at ${placeOf(options)} did not answer (${textOf(thrown)}); look at its log`
      : explain(failure, options);
  return new StartError(why.replaceAll(/\s*\n\s*/g, " "), { cause: thrown });
}

// --- internal ---

function explain(failure: DriverFailure, options: PostgresOptions): string {
  return failure.sqlState === ""
    ? explainConnection(failure, options)
    : explainServer(failure, options);
}

function explainConnection({ code, message }: DriverFailure, options: PostgresOptions): string {
  const place = placeOf(options);
  switch (code) {
    case "ERR_POSTGRES_CONNECTION_REFUSED":
      return `PostgreSQL at ${place} refuses connections; start it, or correct ${whereFlags}`;
    case "ERR_POSTGRES_CONNECTION_TIMEOUT":
    case "database_timeout":
      return `PostgreSQL at ${place} did not answer; correct ${whereFlags}, or the firewall`;
    case "ERR_POSTGRES_TLS_NOT_AVAILABLE":
      return (
        `PostgreSQL at ${place} does not offer TLS, which --db-tls ${options.tls} asks for; ` +
        "set ssl = on in postgresql.conf, or use --db-tls prefer"
      );
    default:
      return isCertificateTrouble(code)
        ? `the certificate of PostgreSQL at ${place} is not accepted (${code}: ${message}); ` +
            (certificateRemedies[code] ?? "give its authority with --db-tls-ca")
        : `cannot use PostgreSQL at ${place} (${message}; ${code}); look at its log`;
  }
}

const certificateRemedies: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "renew it, and have PostgreSQL read it",
  CERT_NOT_YET_VALID: "look at the clock of this machine",
  ERR_TLS_CERT_ALTNAME_INVALID: "name the host with --db-host as the certificate does",
};

function explainServer({ sqlState, message }: DriverFailure, options: PostgresOptions): string {
  const { user, name } = options;
  const place = placeOf(options);
  switch (sqlState) {
    case "28P01":
    case "28000":
      return (
        `PostgreSQL at ${place} does not let user "${user}" in (${message}); ` +
        "correct --db-user and --db-password, or pg_hba.conf"
      );
    case "3D000":
      return (
        `there is no database "${name}" at ${place}; ` +
        `create it (CREATE DATABASE ${quoted(name)};), or correct --db-name`
      );
    case "42501":
      return explainPermission(message, user, name);
    case "53300":
      return (
        `PostgreSQL at ${place} has no connection left (${message}); ` +
        "lower --db-pool, or raise max_connections"
      );
    case "57P03":
      return (
        `PostgreSQL at ${place} is starting or stopping (${message}); ` +
        "wait for it, or raise --db-connect-timeout"
      );
    case "25006":
      return `PostgreSQL at ${place} is read-only (${message}); connect to the primary`;
    default:
      return `PostgreSQL at ${place} failed (${message}; SQLSTATE ${sqlState}); look at its log`;
  }
}

function explainPermission(message: string, user: string, name: string): string {
  const grant = /for database/.test(message)
    ? `GRANT CONNECT ON DATABASE ${quoted(name)} TO ${quoted(user)};`
    : /must be owner/.test(message)
      ? `ALTER TABLE blobs OWNER TO ${quoted(user)};`
      : /for table/.test(message)
        ? `GRANT ALL ON ALL TABLES IN SCHEMA public TO ${quoted(user)};`
        : `GRANT ALL ON SCHEMA public TO ${quoted(user)};`;
  // Where there are tables, there may be a user who has all of it (docs/security.md).
  const owner = /for table/.test(message) ? "run this as the user that owns the tables, or " : "";
  const least = /for (?:table|schema)/.test(message)
    ? " What a server needs at least is in docs/security.md"
    : "";
  return (
    `user "${user}" lacks a right in database "${name}" (${message}); ` +
    `${owner}as a superuser run there: ${grant}${least}`
  );
}

/** A name as SQL takes it. */
function quoted(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

function textOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
