import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { createBinaryHome, type BinaryHome } from "../e2e/support/binary.ts";
import type { PostgresServer } from "../support/postgres.ts";
import { startBrokenClients, type BrokenClients } from "./support/broken-clients.ts";
import { drive } from "./support/drive.ts";
import { startDurablePostgres } from "./support/durable-postgres.ts";
import { lasting, setEmbeddedScene, setScene, type AnyScene } from "./support/scene.ts";

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

const stores: readonly (readonly [name: string, set: (fault: string) => Promise<AnyScene>])[] = [
  ["PostgreSQL", (fault) => setScene(fault, { home, server })],
  ["embedded store", (fault) => setEmbeddedScene(`${fault}, embedded store`, home)],
];

describe.each(stores)("clients, %s", (_, set) => {
  it("break off at any byte, and harm nobody", async () => {
    const scene = await set("uploads cut at any byte");
    let clients: BrokenClients | null = null;
    let found: readonly string[] = [];
    try {
      await drive(scene, {
        allows: {},
        begin() {
          clients = startBrokenClients(scene, 8);
        },
        last: () => Bun.sleep(lasting(3)),
        async end() {
          found = (await clients?.stop()) ?? [];
        },
        note: () => `${clients?.count()} cut`,
      });
      expect(found).toEqual([]);
    } finally {
      await scene.remove();
    }
  });
});
