import { migrations } from "../../src/storage/migrations.ts";

/** What every database has had once it is up to date, in order; the same in each dialect. */
export const migrationNames: readonly string[] = migrations.sqlite.map(({ name }) => name);

/** The tables that they leave, sorted. */
export const allTables: readonly string[] = migrations.sqlite
  .flatMap(({ text }) => [...text.matchAll(/^CREATE TABLE (\w+)/gm)])
  .map(([, name = ""]) => name)
  .concat("registry_migrations")
  .toSorted();
