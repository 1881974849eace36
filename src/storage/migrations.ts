import postgres0001 from "../../migrations/postgres/0001-blobs.sql" with { type: "text" };
import postgres0002 from "../../migrations/postgres/0002-quarantine.sql" with { type: "text" };
import postgres0003 from "../../migrations/postgres/0003-takedowns.sql" with { type: "text" };
import sqlite0001 from "../../migrations/sqlite/0001-blobs.sql" with { type: "text" };
import sqlite0002 from "../../migrations/sqlite/0002-quarantine.sql" with { type: "text" };
import sqlite0003 from "../../migrations/sqlite/0003-takedowns.sql" with { type: "text" };
import type { Dialect } from "./database.ts";

/** One step of the schema. Once released, its text never changes. */
export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly text: string;
}

/** Every migration of each dialect, in order; the texts are part of the binary. */
export const migrations: Readonly<Record<Dialect["name"], readonly Migration[]>> = {
  postgres: [
    { version: 1, name: "0001-blobs", text: postgres0001 },
    { version: 2, name: "0002-quarantine", text: postgres0002 },
    { version: 3, name: "0003-takedowns", text: postgres0003 },
  ],
  sqlite: [
    { version: 1, name: "0001-blobs", text: sqlite0001 },
    { version: 2, name: "0002-quarantine", text: sqlite0002 },
    { version: 3, name: "0003-takedowns", text: sqlite0003 },
  ],
};
