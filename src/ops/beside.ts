import type { DatabaseConfig } from "./open-database.ts";

/** The least that can be opened: one connection does all the work of a command. */
const connectionsMin = 4;

/** How a command opens a database beside registries, also one that has the same embedded store. */
export function beside(config: DatabaseConfig): DatabaseConfig {
  return config.kind === "postgres"
    ? { ...config, poolMax: connectionsMin }
    : { ...config, isShared: true };
}
