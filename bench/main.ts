import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startPostgres } from "../test/support/postgres.ts";
import { startGenerator } from "./load/generator.ts";
import { type Bench } from "./measure/bench.ts";
import { type Figure, type Row } from "./measure/figure.ts";
import { findNginx, nginxVersion } from "./measure/nginx.ts";
import { findProduct } from "./measure/product.ts";
import { hasFailed, isBad, renderMachine, renderTable } from "./report.ts";
import { batching } from "./rows/batching.ts";
import { cacheMemory } from "./rows/cache-memory.ts";
import { getBesideUploads } from "./rows/get-beside-uploads.ts";
import { getCached } from "./rows/get-cached.ts";
import { getUncached } from "./rows/get-uncached.ts";
import { large } from "./rows/large.ts";
import { limits } from "./rows/limits.ts";
import { metrics } from "./rows/metrics.ts";
import { post } from "./rows/post.ts";
import { embedded, sizesRow } from "./rows/sizes.ts";
import { start } from "./rows/start.ts";
import { traces } from "./rows/traces.ts";

/*
 * bun run bench: how fast the registry is, measured against things that everybody knows.
 *
 * It starts its own PostgreSQL (with fsync), the registry as a child process by its flags, and its
 * rivals: nginx, a static route of Bun, and `servers/plain.ts`, the registry as one would write it
 * in an afternoon. All is on the loopback interface; Linux only, for it reads /proc.
 *
 * The sides of a row are measured in turn, A B, B A, …, so that a slow moment of the machine falls
 * on both; a ratio is the median of the ratios of the pairs, with its quartiles. Before, their
 * answers are compared, header fields and bytes. During, every status is counted and every
 * download compared byte for byte, and every 64th receipt of an upload read. A wrong answer fails
 * the row.
 *
 * The load comes from `load/load.c`, in a process of its own. Each row with a rival is also run
 * against a server that answers without work: "generator 1.8×" says how much faster that was than
 * the faster side, and below 1.5× the row does not count.
 *
 * It needs about 10 GiB below TMPDIR, on a disk (in memory, fsync would cost nothing), the C
 * library's headers, and nginx for its row (apt-get install libc6-dev nginx-light).
 *
 * bun run bench [--quick] [--write] [--only ROW,…] [--binary FILE]
 *   --quick   two pairs of 0.4 s instead of ten of 2 s, smaller large blobs: under a minute
 *   --write   writes bench/RESULTS.md, as a full run of all rows does by itself
 *   --only    some rows by their names
 *   --binary  measures this binary instead of src/main.ts
 */

const rows: readonly Row[] = [
  getCached,
  getUncached,
  post,
  batching,
  large,
  metrics,
  traces,
  limits,
  start,
  getBesideUploads,
  cacheMemory,
  sizesRow,
  embedded,
];

/** A commit is on the disk; the log may grow, so that no slice pays for a checkpoint. */
const settings = {
  fsync: "on",
  synchronous_commit: "on",
  full_page_writes: "on",
  max_wal_size: "4GB",
  checkpoint_timeout: "30min",
};

/** What statfs(2) says of a file system in memory. */
const tmpfsType = 0x01021994;

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    quick: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    only: { type: "string" },
    binary: { type: "string" },
  },
});

process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));
process.exit(await main());

async function main(): Promise<number> {
  if (process.platform !== "linux") throw new Error("the bench reads /proc: run it on Linux");
  if (statfsSync(tmpdir()).type === tmpfsType) {
    throw new Error(`${tmpdir()} is in memory, where fsync costs nothing: set TMPDIR`);
  }
  const names = values.only?.split(",") ?? rows.map(({ name }) => name);
  const unknown = names.filter((name) => rows.every((row) => row.name !== name));
  if (unknown.length > 0) {
    const known = rows.map(({ name }) => name).join(", ");
    throw new Error(`there is no row ${unknown.join(", ")}; there are ${known}`);
  }
  const startedAt = performance.now();
  const { figures, postgresVersion } = await measureRows(names);
  const table = renderTable(figures);
  const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1);
  console.log(`\n${table}\n\n${minutes} minutes`);
  if (values.write || (!values.quick && values.only === undefined)) {
    writeResults(table, { minutes, postgresVersion });
  }
  // A quick look is too short to miss a figure by.
  return figures.some(values.quick ? hasFailed : isBad) ? 1 : 0;
}

// --- internal ---

async function measureRows(names: readonly string[]) {
  const product = findProduct(values.binary ?? null);
  await using stack = new AsyncDisposableStack();
  const scratch = mkdtempSync(join(tmpdir(), "mycelium-bench-"));
  process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));
  const postgres = await startPostgres({ settings });
  stack.defer(() => postgres.remove());
  const generator = startGenerator();
  stack.defer(() => generator.stop());
  const pace = values.quick
    ? { pairs: 2, sliceMs: 400, stockCount: 2000 }
    : { pairs: 10, sliceMs: 2000, stockCount: 20_000 };
  const bench: Bench = { isQuick: values.quick, ...pace, postgres, generator, product, scratch };
  const figures: Figure[] = [];
  for (const row of rows.filter(({ name }) => names.includes(name))) {
    const startedAt = performance.now();
    figures.push(...(await measureRow(bench, row)));
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
    console.error(`${row.name}: measured in ${seconds} s`);
  }
  const [version] = await postgres.query("SELECT current_setting('server_version') AS text");
  return { figures, postgresVersion: String(version?.["text"]) };
}

/** A row that cannot be measured fails, and the others are still measured. */
async function measureRow(bench: Bench, row: Row): Promise<readonly Figure[]> {
  try {
    return await row.measure(bench);
  } catch (error) {
    console.error(error);
    const [message = ""] = String(error).split("\n");
    return [{ what: row.name, measured: "", failures: [message] }];
  }
}

function writeResults(
  table: string,
  { minutes, postgresVersion }: { readonly minutes: string; readonly postgresVersion: string },
): void {
  const nginx = findNginx();
  const nginxText = nginx === null ? "no nginx" : nginxVersion(nginx);
  const settingsText = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  const command = ["bun run bench", ...process.argv.slice(2)].join(" ");
  const text = `# Results of the bench

Written by \`${command}\` in ${minutes} minutes. What is measured, and how, stands in main.ts.

- Machine: ${renderMachine()}, Linux ${release()}; load generator, servers and PostgreSQL share it.
- Versions: Bun ${Bun.version}, PostgreSQL ${postgresVersion}, ${nginxText}.
- PostgreSQL: ${settingsText.join(", ")}; else its defaults.
- A ratio is the median of the pairs' ratios, with its quartiles.

${table}
`;
  writeFileSync(fileURLToPath(new URL("RESULTS.md", import.meta.url)), text);
}
