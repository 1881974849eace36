import { afterAll, beforeAll, describe, it } from "bun:test";
import { createBinaryHome, type BinaryHome } from "../e2e/support/binary.ts";
import type { PostgresServer } from "../support/postgres.ts";
import { drive, type Fault } from "./support/drive.ts";
import { fair, type Weather } from "./support/fault-proxy.ts";
import { startDurablePostgres } from "./support/durable-postgres.ts";
import { isOut } from "./support/judge.ts";
import { lasting, setScene, type PostgresScene } from "./support/scene.ts";

let home: BinaryHome;
let server: PostgresServer;

beforeAll(async () => {
  home = createBinaryHome();
  server = await startDurablePostgres();
});
afterAll(async () => {
  await home.remove();
  await server.remove();
});

/** The weather between registry and database, for a while. */
function weather(scene: PostgresScene, kind: Weather, fault: Partial<Fault> = {}): Fault {
  return {
    allows: {},
    begin: () => scene.proxy.change(kind),
    last: () => Bun.sleep(lasting(4)),
    end: () => scene.proxy.change(fair),
    ...fault,
  };
}

async function driven(name: string, faultOf: (scene: PostgresScene) => Fault): Promise<void> {
  const scene = await setScene(name, { home, server });
  try {
    await drive(scene, faultOf(scene));
  } finally {
    await scene.remove();
  }
}

describe("the network to the database", () => {
  it("is slow", async () => {
    await driven("slow network, 50 to 500 ms", (scene) =>
      weather(scene, { kind: "slow", msMin: 25, msMax: 250 }),
    );
  });

  it("refuses connections", async () => {
    await driven("database gone and back", (scene) => ({
      ...weather(scene, fair, { allows: isOut }),
      begin: () => scene.proxy.close(),
      end: () => scene.proxy.open(),
    }));
  });

  it("is a black hole, and all arrives later", async () => {
    await driven("black hole that ends", (scene) =>
      weather(scene, { kind: "dark", forgets: false }, { allows: isOut }),
    );
  });

  it("is a black hole, and old connections stay in it", async () => {
    await driven("black hole that forgets", (scene) =>
      weather(scene, { kind: "dark", forgets: true }, { allows: isOut }),
    );
  });

  it("resets connections after some bytes", async () => {
    await driven("reset after random bytes", (scene) =>
      weather(scene, { kind: "frail", bytesMax: 400_000 }),
    );
  });

  it("is lost exactly at a commit", async () => {
    await driven("connection lost at COMMIT", (scene) => ({
      ...weather(scene, { kind: "commits lost", oneIn: 4 }),
      note: () => `${scene.proxy.broken()} connections cut`,
    }));
  });
});
