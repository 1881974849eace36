import { type Family, keyOf } from "../load/blobs.ts";
import { download } from "../measure/answers.ts";
import { type Bench, type Server } from "../measure/bench.ts";
import { spawnChild } from "../measure/child.ts";
import { type Row } from "../measure/figure.ts";
import { productArguments, startProduct } from "../measure/product.ts";
import { spreadOf } from "../measure/spread.ts";
import { store } from "../measure/stock.ts";
import { freePort } from "../../test/support/ports.ts";
import { type TestDatabase } from "../../test/support/postgres.ts";

const family: Family = { name: "start", bytesTotal: 600 };
const startMsMax = 20_000;

/** From starting the binary to the first blob it gives, its database being migrated. */
export const start: Row = {
  name: "start",
  async measure(bench) {
    const what = "binary start to first answer, a blob from a migrated database";
    const { binary } = bench.product;
    if (binary === null) {
      return [{ what, measured: "", skipped: "there is no dist/registry: bun run build" }];
    }
    const keeps = await bench.postgres.createDatabase();
    const first = await startProduct(bench, { keeps });
    await store(bench, first, { family, count: 1 });
    await first.stop();
    const times: number[] = [];
    for (let time = 0; time < (bench.isQuick ? 3 : 20); time += 1) {
      times.push(await startMs(bench, binary, keeps));
    }
    const counts = spreadOf(times);
    return [
      {
        what,
        measured: `${times.length} starts`,
        counts,
        unit: "ms",
        target: { isAtMost: true, mustReach: 150, wanted: 80 },
      },
    ];
  },
};

// --- internal ---

async function startMs(bench: Bench, binary: string, keeps: TestDatabase): Promise<number> {
  const port = await freePort();
  const words = await productArguments(bench, { keeps, port });
  const startedAt = performance.now();
  const child = spawnChild({
    command: [binary, ...words],
    environment: { REGISTRY_DB_PASSWORD: keeps.password },
  });
  try {
    const server: Server = { name: "registry", port, pids: () => [child.pid], stop: child.stop };
    while (!(await answers(server))) {
      if (performance.now() - startedAt > startMsMax) throw new Error("the binary does not start");
      await Bun.sleep(1);
    }
    return performance.now() - startedAt;
  } finally {
    await child.stop();
  }
}

/** Until it listens there is no connection, and until it serves it says 503. */
async function answers(server: Server): Promise<boolean> {
  try {
    return (await download(server, keyOf(family, 0))).status === 200;
  } catch {
    return false;
  }
}
