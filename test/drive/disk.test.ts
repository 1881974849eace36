import { afterAll, beforeAll, describe, it } from "bun:test";
import { createBinaryHome, type BinaryHome } from "../e2e/support/binary.ts";
import type { PostgresServer } from "../support/postgres.ts";
import { drive } from "./support/drive.ts";
import { startDurablePostgres } from "./support/durable-postgres.ts";
import { dataDirectoryOf } from "./support/postgres-processes.ts";
import { lasting, setScene } from "./support/scene.ts";
import { canMount, mountSmallDisk, type SmallDisk } from "./support/small-disk.ts";

let home: BinaryHome;
let server: PostgresServer;
let disk: SmallDisk | null = null;

beforeAll(async () => {
  home = createBinaryHome();
  server = await startDurablePostgres();
});
afterAll(async () => {
  await home.remove();
  await server.stop("immediate");
  disk?.remove();
  await server.remove();
});

describe("the disk of the database", () => {
  it.skipIf(!canMount)("is full", async () => {
    disk = mountSmallDisk(1536, await dataDirectoryOf(server));
    const database = await server.createDatabase();
    await server.query(`CREATE TABLESPACE small LOCATION '${disk.path}'`);
    await server.query(`ALTER DATABASE ${database.name} SET TABLESPACE small`);
    const scene = await setScene("disk full", { home, server }, { database });
    try {
      await drive(scene, {
        allows: { statuses: [507] },
        begin: () => disk?.fill(),
        last: () => Bun.sleep(lasting(4)),
        end: () => disk?.relieve(),
        note: () => `${answersOf(scene.tally.outcomes, "507")} answers of 507`,
      });
      if (answersOf(scene.tally.outcomes, "507") === 0) throw new Error("nobody was told 507");
    } finally {
      await scene.remove();
    }
  });
});

function answersOf(outcomes: ReadonlyMap<string, number>, status: string): number {
  const found = [...outcomes].filter(([outcome]) => outcome.startsWith(status));
  return found.reduce((total, [, count]) => total + count, 0);
}
