import postgres0001 from "../../migrations/postgres/0001-blobs.sql" with { type: "text" };
import sqlite0001 from "../../migrations/sqlite/0001-blobs.sql" with { type: "text" };
import type { Dialect } from "./database.ts";

/** One step of the schema. Once released, its text never changes. */
export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly text: string;
}

/** Every migration of each dialect, in order; the texts are part of the binary. */
export const migrations: Readonly<Record<Dialect["name"], readonly Migration[]>> = {
  postgres: [{ version: 1, name: "0001-blobs", text: postgres0001 }],
  sqlite: [{ version: 1, name: "0001-blobs", text: sqlite0001 }],
};
