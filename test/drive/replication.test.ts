import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { createBinaryHome, type BinaryHome } from "../e2e/support/binary.ts";
import { drive } from "./support/drive.ts";
import { startDurablePostgres } from "./support/durable-postgres.ts";
import { startFaultProxy } from "./support/fault-proxy.ts";
import { dataDirectoryOf, killPostgres } from "./support/postgres-processes.ts";
import { createRandom } from "../support/random.ts";
import { lasting, setScene, type PostgresScene } from "./support/scene.ts";
import { startStandby, type Standby, type StandbyOptions } from "./support/standby.ts";

let home: BinaryHome;
beforeAll(() => {
  home = createBinaryHome();
});
afterAll(() => home.remove());

/** A scene whose server is followed by a standby. */
async function replicated(
  name: string,
  options: StandbyOptions,
  run: (scene: PostgresScene, standby: Standby) => Promise<void>,
): Promise<void> {
  const server = await startDurablePostgres();
  // The way to the standby is a little slower than the way to the registry.
  const way = await startFaultProxy(server.port, createRandom(1));
  const standby = await startStandby(server, { ...options, port: way.port });
  const scene = await setScene(name, { home, server });
  try {
    if (options.commits === "asynchronous") way.change({ kind: "slow", msMin: 50, msMax: 100 });
    await run(scene, standby);
  } finally {
    await scene.remove();
    way.stop();
    await standby.remove();
    await server.remove();
  }
}

/** The primary's machine fails, and the standby takes its place. */
async function failOver(scene: PostgresScene, standby: Standby): Promise<number> {
  const dataDirectory = await dataDirectoryOf(scene.server);
  await Bun.sleep(lasting(2));
  const failedAt = performance.now();
  await killPostgres(dataDirectory);
  scene.proxy.cutAll();
  await standby.promote();
  scene.moveTo(standby);
  scene.proxy.cutAll();
  return failedAt;
}

describe("a standby", () => {
  it("gives what there is, and stores nothing", async () => {
    await replicated("read-only standby", { commits: "shown by both" }, async (scene, standby) => {
      await drive(scene, {
        allows: { noWrites: true },
        begin() {
          scene.proxy.aim(standby.port);
          scene.proxy.cutAll();
        },
        last: () => Bun.sleep(lasting(3)),
        end() {
          scene.proxy.aim(scene.server.port);
          scene.proxy.cutAll();
        },
      });
    });
  });

  it("takes over, and has all that was acknowledged", async () => {
    await replicated(
      "failover, synchronous",
      { commits: "kept by both" },
      async (scene, standby) => {
        await drive(scene, {
          allows: {},
          begin: () => {},
          last: async () => void (await failOver(scene, standby)),
          end: () => {},
        });
      },
    );
  });

  it("takes over, and lacks what had not reached it where nobody waits for it", async () => {
    await replicated(
      "failover, asynchronous",
      { commits: "asynchronous" },
      async (scene, standby) => {
        let failedAt = 0;
        const row = await drive(scene, {
          allows: { mayLose: true },
          begin: () => {},
          async last() {
            failedAt = await failOver(scene, standby);
          },
          end: () => {},
          note({ lostSince }) {
            const seconds = (failedAt - (lostSince ?? failedAt)) / 1000;
            return `expected: the last ${seconds.toFixed(2)} s are lost`;
          },
        });
        expect(row.lost).toBeLessThan(row.acknowledged);
      },
    );
  });
});
