import type { BinaryHome } from "../../e2e/support/binary.ts";
import type { PostgresServer, TestDatabase } from "../../support/postgres.ts";
import { startFaultProxy, type FaultProxy } from "./fault-proxy.ts";
import { createLedger, type Ledger } from "./ledger.ts";
import { startNode, type Node } from "./node.ts";
import { driveOptions } from "./options.ts";
import { createRandom, seedOf, type Random } from "../../support/random.ts";
import { createTally, type Tally } from "./tally.ts";

/** Everything that one fault is driven against. */
export interface Scene {
  readonly kind: "postgres" | "embedded";
  readonly name: string;
  readonly random: Random;
  readonly nodes: readonly Node[];
  readonly ledger: Ledger;
  readonly tally: Tally;
  /** A statement's deadline, in ms. */
  readonly timeoutMs: number;
  remove(): Promise<void>;
}

/** A scene whose registries keep their blobs in PostgreSQL, behind a proxy. */
export interface PostgresScene extends Scene {
  readonly kind: "postgres";
  /** Where the database was first. */
  readonly server: PostgresServer;
  /** Asks the server that registries are connected to at the end. */
  readonly query: PostgresServer["query"];
  /** From now on that is another one: new connections go there. */
  moveTo(server: Pick<PostgresServer, "query" | "port">): void;
  readonly database: TestDatabase;
  readonly proxy: FaultProxy;
  /** Lets one registry more start, sweep and stop. */
  sweep(): Promise<void>;
  /** Connections that one registry may have. */
  readonly poolMax: number;
}

/** A scene whose registry keeps its blobs by itself. */
export interface EmbeddedScene extends Scene {
  readonly kind: "embedded";
  readonly directory: string;
}

export type AnyScene = PostgresScene | EmbeddedScene;

/** What differs from the usual. */
export interface SceneOptions {
  /** Registries on the same database; one by default. */
  readonly nodeCount?: number;
  /** Words besides the usual ones. */
  readonly words?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** By default one of its own on the server. */
  readonly database?: TestDatabase;
}

/** Short, so that deadlines pass within a fault. */
const timeoutMs = 1000;
const poolMax = 8;

/** Starts registries on a new database of `server`. */
export async function setScene(
  name: string,
  { home, server }: { readonly home: BinaryHome; readonly server: PostgresServer },
  options: SceneOptions = {},
): Promise<PostgresScene> {
  const { nodeCount = 1, words = [], environment = {} } = options;
  const random = createRandom(seedOf(driveOptions.seed, name));
  const database = options.database ?? (await server.createDatabase());
  const { user, password, name: databaseName } = database;
  const proxy = await startFaultProxy(server.port, random.fork("proxy"));
  const url = `postgres://${user}:${password}@127.0.0.1:${proxy.port}/${databaseName}`;
  const all = ["--db-url", url, "--db-tls", "disable", "--db-pool", String(poolMax), ...words];
  let current: Pick<PostgresServer, "query" | "port"> = server;
  const start = async (): Promise<Node> =>
    await startNode(home, [...usualWords, ...all], environment);
  const nodes: Node[] = [];
  while (nodes.length < nodeCount) nodes.push(await start());
  return {
    kind: "postgres",
    ...sceneOf(name, random, nodes),
    server,
    query: async (text, inDatabase) => await current.query(text, inDatabase),
    moveTo(next) {
      current = next;
      proxy.aim(next.port);
    },
    database,
    proxy,
    poolMax,
    async sweep() {
      const other = await start();
      await Bun.sleep(300);
      await other.stop();
    },
    async remove() {
      for (const node of nodes) if (node.isUp()) await node.kill();
      proxy.stop();
    },
  };
}

/** Starts a registry that keeps its blobs by itself. */
export async function setEmbeddedScene(
  name: string,
  home: BinaryHome,
  { words = [], environment = {} }: Pick<SceneOptions, "words" | "environment"> = {},
): Promise<EmbeddedScene> {
  const random = createRandom(seedOf(driveOptions.seed, name));
  const directory = home.newDirectory();
  const store = ["--embedded", directory];
  const node = await startNode(home, [...usualWords, ...store, ...words], environment);
  return {
    kind: "embedded",
    directory,
    ...sceneOf(name, random, [node]),
    async remove() {
      if (node.isUp()) await node.kill();
    },
  };
}

/** So long a part of a drive, in ms, in the form that was asked for. */
export function lasting(seconds: number): number {
  return seconds * 1000 * driveOptions.scale;
}

// --- internal ---

const usualWords = ["--db-timeout", `${timeoutMs}ms`, "--cache-size", "64MiB"];

function sceneOf(name: string, random: Random, nodes: readonly Node[]) {
  const ledger = createLedger(seedOf(driveOptions.seed, `${name}: blobs`));
  return { name, random, nodes, ledger, tally: createTally(), timeoutMs };
}
