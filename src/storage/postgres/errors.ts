import { SQL } from "bun";
import { databaseTimeout } from "../../domain/deadline.ts";
import { codeOf, RegistryError } from "../../domain/errors.ts";

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
    return new RegistryError(
      "database_unavailable",
      "The database is not available at the moment; try again later.",
      { cause: thrown },
    );
  }
  return thrown;
}

/** Whether a statement failed because a row with its key is there already. */
export function isUniqueViolation(thrown: unknown): boolean {
  return driverFailureOf(thrown)?.sqlState === "23505";
}

// --- internal ---

/**
 * What passes, given time: connections that broke, credentials, no resources, a shutdown, a
 * standby, a transaction that the server ended or that met another, no such database.
 */
const passing = /^(?:08|28|53|57P0)|^(?:25006|25P03|25P04|40001|40P01|3D000)$/;

function isConnectionTrouble(code: string, sqlState: string): boolean {
  if (sqlState !== "") return passing.test(sqlState);
  return code.startsWith("ERR_POSTGRES_") && code !== "ERR_POSTGRES_SYNTAX_ERROR";
}
