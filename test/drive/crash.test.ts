import { afterAll, beforeAll, describe, it } from "bun:test";
import { createBinaryHome, type BinaryHome } from "../e2e/support/binary.ts";
import type { PostgresServer } from "../support/postgres.ts";
import { drive, type Fault } from "./support/drive.ts";
import { startDurablePostgres } from "./support/durable-postgres.ts";
import { dataDirectoryOf, killPostgres } from "./support/postgres-processes.ts";
import { lasting, setEmbeddedScene, setScene, type AnyScene } from "./support/scene.ts";

let home: BinaryHome;
let server: PostgresServer;
let dataDirectory: string;

beforeAll(async () => {
  home = createBinaryHome();
  server = await startDurablePostgres();
  dataDirectory = await dataDirectoryOf(server);
});
afterAll(async () => {
  await home.remove();
  await server.remove();
});

/** Does it again and again, at random moments. */
function repeated({ random }: AnyScene, once: () => Promise<void>): Fault {
  return {
    allows: {},
    begin: () => {},
    async last() {
      const until = performance.now() + lasting(4);
      while (performance.now() < until) {
        await once();
        await Bun.sleep(random.between(100, 1200));
      }
    },
    end: () => {},
  };
}

async function driven<S extends AnyScene>(
  setting: Promise<S>,
  faultOf: (scene: S) => Fault,
): Promise<void> {
  const scene = await setting;
  try {
    await drive(scene, faultOf(scene));
  } finally {
    await scene.remove();
  }
}

async function killRegistry({ nodes: [node] }: AnyScene): Promise<void> {
  await node?.kill();
  await node?.start();
}

describe("kill -9", () => {
  it("of the registry", async () => {
    await driven(setScene("kill -9 of the registry", { home, server }), (scene) => ({
      ...repeated(scene, () => killRegistry(scene)),
      allows: { nodesGo: true, forgets: true },
    }));
  });

  it("of the registry with the embedded store", async () => {
    await driven(setEmbeddedScene("kill -9, embedded store", home), (scene) => ({
      ...repeated(scene, () => killRegistry(scene)),
      allows: { nodesGo: true, forgets: true },
    }));
  });

  it("of PostgreSQL", async () => {
    await driven(setScene("kill -9 of PostgreSQL", { home, server }), (scene) =>
      repeated(scene, async () => {
        await killPostgres(dataDirectory);
        await server.start();
      }),
    );
  });

  it("of both", async () => {
    await driven(setScene("kill -9 of both", { home, server }), (scene) => ({
      ...repeated(scene, async () => {
        await Promise.all([killPostgres(dataDirectory), scene.nodes[0]?.kill()]);
        await Promise.all([server.start(), scene.nodes[0]?.start()]);
      }),
      allows: { nodesGo: true, forgets: true },
    }));
  });

  it("of one of two registries", async () => {
    const setting = setScene("kill -9 of one of two", { home, server }, { nodeCount: 2 });
    await driven(setting, (scene) => ({
      ...repeated(scene, async () => {
        const node = scene.random.pick(scene.nodes);
        await node.kill();
        await Bun.sleep(scene.random.between(50, 500));
        await node.start();
      }),
      allows: { nodesGo: true, forgets: true },
    }));
  });
});
