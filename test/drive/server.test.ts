import { afterAll, beforeAll, describe, it } from "bun:test";
import { createBinaryHome, type BinaryHome } from "../e2e/support/binary.ts";
import type { PostgresServer } from "../support/postgres.ts";
import { lockTable } from "../support/table-lock.ts";
import { drive, type Fault } from "./support/drive.ts";
import { startDurablePostgres } from "./support/durable-postgres.ts";
import { isOut } from "./support/judge.ts";
import { lasting, setScene, type PostgresScene } from "./support/scene.ts";
import { hogConnections, terminateSessions } from "./support/sessions.ts";

let home: BinaryHome;
let server: PostgresServer;

beforeAll(async () => {
  home = createBinaryHome();
  server = await startDurablePostgres({
    max_connections: "30",
    superuser_reserved_connections: "8", // for us
  });
});
afterAll(async () => {
  await home.remove();
  await server.remove();
});

async function driven(name: string, faultOf: (scene: PostgresScene) => Fault): Promise<void> {
  const scene = await setScene(name, { home, server });
  try {
    await drive(scene, faultOf(scene));
  } finally {
    await scene.remove();
  }
}

describe("PostgreSQL", () => {
  it.each(["fast", "immediate"] as const)("is restarted, %s", async (mode) => {
    await driven(`restart of PostgreSQL, ${mode}`, ({ random }) => ({
      allows: {},
      begin: () => {},
      async last() {
        for (let restarts = 0; restarts < lasting(3) / 1000; restarts += 1) {
          await server.stop(mode);
          await Bun.sleep(random.between(0, 500));
          await server.start();
          await Bun.sleep(random.between(200, 1000));
        }
      },
      end: () => {},
    }));
  });

  it("ends sessions again and again", async () => {
    await driven("killed backends", ({ database, random }) => ({
      allows: {},
      begin: () => {},
      async last() {
        const until = performance.now() + lasting(4);
        while (performance.now() < until) {
          await terminateSessions(server, database, random.pick(["terminate", "cancel"]));
          await Bun.sleep(random.between(5, 200));
        }
      },
      end: () => {},
    }));
  });

  it("has the table locked for longer than any deadline", async () => {
    await driven("lock held", (scene) => {
      let release = async (): Promise<void> => {};
      return {
        allows: { noWrites: true, noReads: true },
        async begin() {
          ({ release } = await lockTable(server, scene.database, "blobs"));
        },
        last: () => Bun.sleep(lasting(6)),
        end: () => release(),
      };
    });
  });

  it("gives no more connections", async () => {
    await driven("out of connections", (scene) => {
      let release = async (): Promise<void> => {};
      return {
        allows: isOut,
        async begin() {
          ({ release } = await hogConnections(server, scene.database));
        },
        last: () => Bun.sleep(lasting(4)),
        end: () => release(),
      };
    });
  });
});
