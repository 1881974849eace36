import type { PostgresServer } from "../../support/postgres.ts";
import { lockTable } from "../../support/table-lock.ts";
import { startBrokenClients } from "./broken-clients.ts";
import { fair, type Weather } from "./fault-proxy.ts";
import { killPostgres } from "./postgres-processes.ts";
import type { Random } from "../../support/random.ts";
import type { PostgresScene } from "./scene.ts";
import { terminateSessions } from "./sessions.ts";

/** Something that can go wrong at any moment, together with others. */
export interface Trouble {
  readonly name: string;
  /** Brings it about; resolves with what takes it away, if anything is to be. */
  begin(): Promise<() => unknown>;
}

/** What can go wrong in a scene: between registry and database, and at either end. */
export interface Troubles {
  readonly network: readonly Trouble[];
  readonly ends: readonly Trouble[];
}

/** The troubles of a scene whose server has its files in `dataDirectory`. */
export function troublesOf(scene: PostgresScene, dataDirectory: string): Troubles {
  const { proxy, server, database, random } = scene;
  const source = random.fork("troubles");
  return { network: networkTroubles(scene, source), ends: endTroubles() };

  function endTroubles(): Trouble[] {
    return [
      {
        name: "the registry is killed",
        async begin() {
          await scene.nodes[0]?.kill();
          // Not before: without a database it ends again.
          return () => scene.nodes[0]?.start();
        },
      },
      brief("PostgreSQL is killed", async () => {
        await killPostgres(dataDirectory);
        await server.start();
      }),
      brief("PostgreSQL is restarted", () => restart(server, source)),
      brief("sessions are ended", () => terminateSessions(server, database)),
      brief("connections are reset", async () => proxy.cutAll()),
      {
        name: "the table is locked",
        async begin() {
          const lock = await lockTable(server, database, "blobs");
          return () => lock.release().catch(() => {}); // a restart may have released it
        },
      },
      {
        name: "clients break off",
        async begin() {
          const clients = startBrokenClients(scene, 4);
          return async () => {
            for (const found of await clients.stop()) scene.tally.complain(found);
          };
        },
      },
    ];
  }
}

// --- internal ---

function networkTroubles({ proxy }: PostgresScene, random: Random): Trouble[] {
  const weather = (name: string, weatherOf: () => Weather): Trouble => ({
    name,
    async begin() {
      proxy.change(weatherOf());
      return () => proxy.change(fair);
    },
  });
  return [
    weather("slow network", () => ({ kind: "slow", msMin: 5, msMax: random.between(10, 400) })),
    weather("black hole that ends", () => ({ kind: "dark", forgets: false })),
    weather("black hole that forgets", () => ({ kind: "dark", forgets: true })),
    weather("resets", () => ({ kind: "frail", bytesMax: random.between(2000, 2_000_000) })),
    weather("commits lost", () => ({ kind: "commits lost", oneIn: random.between(1, 6) })),
    {
      name: "database gone",
      async begin() {
        proxy.close();
        return () => proxy.open();
      },
    },
  ];
}

function brief(name: string, act: () => Promise<void>): Trouble {
  return {
    name,
    async begin() {
      await act();
      return () => {};
    },
  };
}

async function restart(server: PostgresServer, random: Random): Promise<void> {
  await server.stop(random.pick(["fast", "immediate"]));
  await Bun.sleep(random.between(0, 300));
  await server.start();
}
