import { Database } from "bun:sqlite";
import { join } from "node:path";
import { limits } from "../../../src/domain/limits.ts";
import type { AnyScene, EmbeddedScene, PostgresScene } from "./scene.ts";

/**
 * What must be so when a fault is over and nobody asks for anything: a line for each thing that is
 * not. Stops the registries, and starts them again, for they sweep when they start.
 */
export async function checkAftermath(scene: AnyScene): Promise<string[]> {
  const complaints = scene.kind === "postgres" ? await lookAtConnections(scene) : [];
  for (const node of scene.nodes) {
    const exitCode = await node.stop();
    if (exitCode !== 0) complaints.push(`a registry ended with ${exitCode}`);
  }
  const query = scene.kind === "postgres" ? fromPostgres(scene) : fromSqlite(scene);
  const unnoted = await query(unnotedText);
  if (unnoted > 0) complaints.push(`segments of ${unnoted} uploads that no sweep would find`);
  await query(scene.kind === "postgres" ? ageText.postgres : ageText.embedded);
  for (const node of scene.nodes) await node.start();
  const left = await untilSwept(query);
  if (left > 0) complaints.push(`${left} rows of broken uploads were not swept`);
  return complaints;
}

// --- internal ---

/** Runs a statement; gives the number that it selects. */
type AskNumber = (text: string) => Promise<number>;

const settleMsMax = 5000;
const withoutBlob = "NOT EXISTS (SELECT 1 FROM blobs b WHERE b.upload = s.upload)";
const unnotedText = `SELECT count(DISTINCT upload) AS total FROM blob_segments s
  WHERE ${withoutBlob} AND NOT EXISTS (SELECT 1 FROM uploads u WHERE u.upload = s.upload)`;
const leftText = `SELECT (SELECT count(*) FROM uploads) +
  (SELECT count(*) FROM blob_segments s WHERE ${withoutBlob}) AS total`;
/** So old that a sweep takes it. */
const ageMs = 2 * limits.uploadIdleMsMax;
const ageText = {
  postgres: `UPDATE uploads SET touched_at = now() - interval '${ageMs} ms'`,
  embedded: `UPDATE uploads SET touched_at = touched_at - ${ageMs}`,
};

/** Waits while a sweep gets on; gives what is left. */
async function untilSwept(query: AskNumber): Promise<number> {
  const counts = [await query(leftText)];
  for (;;) {
    const before = counts.at(-1) ?? 0;
    if (before === 0) return 0;
    const isLess = await settles(async () => {
      const left = await query(leftText);
      if (left < before) counts.push(left);
      return left < before;
    });
    if (!isLess) return before;
  }
}

async function lookAtConnections(scene: PostgresScene): Promise<string[]> {
  const { nodes, proxy, poolMax } = scene;
  const most = nodes.length * poolMax;
  const query = fromPostgres(scene);
  const sessions = async (): Promise<number> => await query(sessionsText);
  const complaints: string[] = [];
  if (!(await settles(() => proxy.connections() <= most))) {
    complaints.push(`${proxy.connections()} connections, of ${most} at most`);
  }
  if (!(await settles(async () => (await sessions()) <= most))) {
    complaints.push(`${await sessions()} sessions of PostgreSQL, of ${most} at most`);
  }
  return complaints;
}

const sessionsText = `SELECT count(*) AS total FROM pg_stat_activity
  WHERE datname = current_database() AND application_name = 'mycelium-cdn-registry'`;

function fromPostgres({ query, database }: PostgresScene): AskNumber {
  return async (text) => {
    const [row] = await query(text, database.name);
    return Number(row?.["total"]);
  };
}

function fromSqlite({ directory }: EmbeddedScene): AskNumber {
  return async (text) => {
    const database = new Database(join(directory, "registry.sqlite"));
    try {
      database.run("PRAGMA busy_timeout = 5000");
      const statement = database.query(text);
      const [row] = statement.all() as { readonly total?: number }[];
      return Number(row?.total);
    } finally {
      database.close();
    }
  };
}

async function settles(condition: () => boolean | Promise<boolean>): Promise<boolean> {
  const until = performance.now() + settleMsMax;
  while (performance.now() < until) {
    if (await condition()) return true;
    await Bun.sleep(50);
  }
  return false;
}
