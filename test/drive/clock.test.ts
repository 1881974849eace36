import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { statSync } from "node:fs";
import { dirname } from "node:path";
import { createBinaryHome, type BinaryHome } from "../e2e/support/binary.ts";
import { connectRaw } from "../support/raw-http.ts";
import { headOf, putOf } from "../support/raw-upload.ts";
import { createPostgresProcess, type PostgresProcess } from "../support/postgres-process.ts";
import type { PostgresServer } from "../support/postgres.ts";
import { lockTable } from "../support/table-lock.ts";
import { drive, type Fault } from "./support/drive.ts";
import { startDurablePostgres } from "./support/durable-postgres.ts";
import { createFakeClock, hasFakeClock, type FakeClock } from "./support/fake-clock.ts";
import { dataDirectoryOf } from "./support/postgres-processes.ts";
import { queryOn } from "./support/superuser.ts";
import { lasting, setScene, type AnyScene, type PostgresScene } from "./support/scene.ts";

const hourMs = 3_600_000;

let home: BinaryHome;
let server: PostgresServer;
let clock: FakeClock;

beforeAll(async () => {
  home = createBinaryHome();
  server = await startDurablePostgres();
  clock = createFakeClock();
});
afterAll(async () => {
  await home.remove();
  await server.remove();
  clock.remove();
});

/** An upload that is under way all the time that the clock jumps. */
async function beginSlowUpload({ ledger, nodes: [node] }: AnyScene) {
  const { entry, data } = ledger.create(4 * 1024 * 1024 + 1);
  const upload = putOf(data);
  const connection = await connectRaw(Number(new URL(node?.url ?? "").port));
  await connection.send(headOf(upload, data.length));
  await connection.send(upload.body.subarray(0, 3 * 1024 * 1024));
  return async (): Promise<number> => {
    await connection.send(upload.body.subarray(3 * 1024 * 1024));
    const { status } = await connection.response();
    if (status === 201) ledger.acknowledge(entry);
    connection.destroy();
    return status;
  };
}

interface Jumps {
  readonly scene: PostgresScene;
  readonly target: PostgresServer;
  /** By how much the clock is ahead, as whoever runs by it tells. */
  aheadHours(): Promise<number>;
}

/**
 * A day forth, two days back, and so on. While it is a day ahead, another registry starts, and
 * sweeps; when it has gone back, the table is locked for longer than a statement may take.
 */
function jumps({ scene, target, aheadHours }: Jumps): Fault {
  let finish = async (): Promise<number> => 0;
  let answered = 0;
  return {
    allows: {},
    async begin() {
      finish = await beginSlowUpload(scene);
    },
    async last() {
      for (const offset of ["-1d", "+1d", "-1d", "+1d"]) {
        clock.set(offset);
        await Bun.sleep(lasting(0.6));
      }
      expect(await aheadHours()).toBeGreaterThan(23);
      await scene.sweep();
      answered = await finish();
      expect(answered).toBe(201);
      clock.set("+0");
      const lock = await lockTable(target, scene.database, "blobs");
      await Bun.sleep(200);
      clock.set("-1d");
      await Bun.sleep(lasting(3));
      await lock.release();
    },
    end: () => clock.set("+0"),
    note: () => `an upload across the jumps: ${answered}`,
  };
}

describe.skipIf(!hasFakeClock)("a clock that jumps by a day, back and forth,", () => {
  it("is that of the registry", async () => {
    const { environment } = clock;
    const scene = await setScene("clock of the registry jumps", { home, server }, { environment });
    try {
      // By the clock of the database, which is right, nothing is old enough to be swept.
      const aheadHours = async (): Promise<number> => {
        const { headers } = await fetch(`${scene.nodes[0]?.url}/healthz`);
        return (Date.parse(headers.get("date") ?? "") - Date.now()) / hourMs;
      };
      await drive(scene, jumps({ scene, target: server, aheadHours }));
    } finally {
      await scene.remove();
    }
  });

  it("is that of PostgreSQL", async () => {
    const database = await server.createDatabase();
    const faked = await underFakeClock();
    const target = { ...server, port: faked.port, query: queryOn(faked.port, server) };
    const name = "clock of PostgreSQL jumps";
    const scene = await setScene(name, { home, server: target }, { database });
    try {
      // An upload seems to have been touched a day ago; but no sweep trusts a clock that jumped.
      const aheadHours = async (): Promise<number> => {
        const [row] = await target.query("SELECT extract(epoch FROM now())::float8 AS seconds");
        return (1000 * Number(row?.["seconds"]) - Date.now()) / hourMs;
      };
      await drive(scene, jumps({ scene, target, aheadHours }));
    } finally {
      await scene.remove();
      await faked.stop("immediate");
    }
  });
});

/** Stops the server, and runs another on its data, by the clock. */
async function underFakeClock(): Promise<PostgresProcess> {
  const data = await dataDirectoryOf(server);
  const { uid, gid } = statSync(data);
  await server.stop();
  const account = process.getuid?.() === 0 ? { uid, gid } : {};
  const directory = { path: dirname(data), account, remove: async () => {} };
  return await createPostgresProcess(directory, clock.postgresIn(server.binDirectory));
}
