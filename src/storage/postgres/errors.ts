import { SQL } from "bun";
import { databaseTimeout } from "../../domain/deadline.ts";
import { codeOf, hasCode, RegistryError } from "../../domain/errors.ts";

/** What the driver says of a failure: its own code, and PostgreSQL's SQLSTATE if there is one. */
export interface DriverFailure {
  readonly code: string;
  readonly sqlState: string;
  readonly message: string;
}

/** Reads a thrown value as a failure of the driver; null when it is something else. */
export function driverFailureOf(thrown: unknown): DriverFailure | null {
  if (!(thrown instanceof Error)) return null;
  const { errno } = thrown as { readonly errno?: unknown };
  const code = codeOf(thrown);
  if (!(thrown instanceof SQL.PostgresError) && code === "") return null;
  return {
    code,
    sqlState: typeof errno === "string" ? errno : "",
    message: thrown.message,
  };
}

/**
 * Turns what the driver threw into the failure that the registry tells: the only place that knows
 * SQLSTATEs (PostgreSQL, Appendix A). A failure that is nobody's but ours is given back as it is.
 */
export function toRegistryError(thrown: unknown, timeoutMs: number): unknown {
  const failure = driverFailureOf(thrown);
  if (thrown instanceof RegistryError || failure === null) return thrown;
  const { code, sqlState } = failure;
  if (sqlState === "57014" || sqlState === "55P03") return databaseTimeout(timeoutMs, thrown);
  if (sqlState === "53100") {
    return new RegistryError("storage_full", "The database's disk is full; nothing was stored.", {
      cause: thrown,
    });
  }
  if (isConnectionTrouble(code, sqlState)) {
    const why = passingStates[sqlState] ?? passingCodes[code] ?? "is not available";
    return new RegistryError(
      "database_unavailable",
      `The database ${why} at the moment; try again later.`,
      { cause: thrown },
    );
  }
  return thrown;
}

/** Whether a statement failed because a row with its key is there already. */
export function isUniqueViolation(thrown: unknown): boolean {
  return driverFailureOf(thrown)?.sqlState === "23505";
}

/**
 * Whether a call failed because no server could be reached, or none answered before our own
 * deadline, which is later than the server's.
 */
export function isUnreachable(thrown: unknown): boolean {
  if (hasCode(thrown, "database_timeout")) return thrown.cause === undefined;
  if (!hasCode(thrown, "database_unavailable")) return false;
  return /^$|^(?:08|28|57P|3D000|53300)/.test(driverFailureOf(thrown.cause)?.sqlState ?? "");
}

/** Whether a server refused to change anything, as a standby does. */
export function isReadOnly(thrown: unknown): boolean {
  return driverFailureOf(thrown)?.sqlState === "25006";
}

/** Whether a code of the driver says that a server's certificate, or TLS itself, is not right. */
export function isCertificateTrouble(code: string): boolean {
  return /CERT|SELF_SIGNED|SIGNATURE|ISSUER|TLS|SSL/.test(code);
}

/** Whether a statement failed because a page, an index or a long value cannot be read. */
export function isDamage(thrown: unknown): boolean {
  return /^(?:XX00[012]|58030)$/.test(driverFailureOf(thrown)?.sqlState ?? "");
}

// --- internal ---

/** What passes, in words; of all the rest, that it does. */
const passingStates: Readonly<Record<string, string>> = {
  "25006": "may only be read",
  "28000": "does not let the registry in",
  "28P01": "does not let the registry in",
  "3D000": "is not there",
  "53200": "has no memory left",
  "53300": "has no connection left",
  "57P01": "ended the session",
  "57P02": "ended the session",
  "57P03": "is starting or stopping",
};

/** The same of a connection, by the driver's codes. */
const passingCodes: Readonly<Record<string, string>> = {
  ERR_POSTGRES_CONNECTION_CLOSED: "closed the connection",
  ERR_POSTGRES_CONNECTION_REFUSED: "refuses connections",
  ERR_POSTGRES_CONNECTION_TIMEOUT: "takes no connection",
};

/**
 * What passes, given time: connections that broke, credentials, no resources, a shutdown, a
 * standby, a transaction that the server ended or that met another, no such database.
 */
const passing = /^(?:08|28|53|57P0)|^(?:25006|25P03|25P04|40001|40P01|3D000)$/;

function isConnectionTrouble(code: string, sqlState: string): boolean {
  if (sqlState !== "") return passing.test(sqlState);
  if (isCertificateTrouble(code)) return true; // it may have been renewed, or run out
  return code.startsWith("ERR_POSTGRES_") && code !== "ERR_POSTGRES_SYNTAX_ERROR";
}
