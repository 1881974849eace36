import { afterAll, beforeAll, describe, it } from "bun:test";
import { createBinaryHome, type BinaryHome } from "../e2e/support/binary.ts";
import type { PostgresServer } from "../support/postgres.ts";
import { drive } from "./support/drive.ts";
import { startDurablePostgres } from "./support/durable-postgres.ts";
import { driveOptions } from "./support/options.ts";
import { dataDirectoryOf } from "./support/postgres-processes.ts";
import { createRandom, seedOf, type Random } from "../support/random.ts";
import { untilRecovered } from "./support/recovery.ts";
import { lasting, setScene, type PostgresScene } from "./support/scene.ts";
import { troublesOf, type Trouble, type Troubles } from "./support/troubles.ts";

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

/** One or two troubles at once, for a while. */
interface Step {
  readonly troubles: readonly Trouble[];
  readonly lastsMs: number;
  /** How long it is quiet after it. */
  readonly pauseMs: number;
}

/** Every network trouble with some other one, in an order that the seed gives; and again. */
function planned({ network, ends }: Troubles, random: Random): () => Step {
  const steps: Step[] = [];
  return () => {
    if (steps.length === 0) {
      const others = random.shuffled(ends);
      const pairs = random.shuffled(network).map((trouble, n) => [trouble, others[n]]);
      for (const pair of [...pairs, ...others.slice(network.length).map((other) => [other])]) {
        const troubles = pair.filter((trouble) => trouble !== undefined);
        const lastsMs = random.between(200, 1800);
        steps.push({ troubles, lastsMs, pauseMs: random.between(0, 600) });
      }
    }
    return steps.shift() ?? { troubles: [], lastsMs: 0, pauseMs: 0 };
  };
}

/** Does a step; complains when the registry does not recover after it. */
async function run(scene: PostgresScene, { troubles, lastsMs, pauseMs }: Step): Promise<void> {
  const names = troubles.map(({ name }) => name).join(", and ");
  process.stderr.write(`for ${lastsMs} ms: ${names}\n`);
  const ends: (() => unknown)[] = [];
  for (const { begin } of troubles) ends.push(await begin());
  await Bun.sleep(lastsMs);
  for (const end of ends) await end(); // the network's first
  if ((await untilRecovered(scene)) === null) scene.tally.complain(`no recovery from: ${names}`);
  await Bun.sleep(pauseMs);
}

describe("troubles of all kinds, as the seed has them,", () => {
  it("lose nothing, and end", async () => {
    const scene = await setScene("random schedule", { home, server });
    const troubles = troublesOf(scene, await dataDirectoryOf(server));
    const next = planned(troubles, createRandom(seedOf(driveOptions.seed, "schedule")));
    let steps = 0;
    try {
      await drive(scene, {
        allows: { nodesGo: true, forgets: true },
        begin: () => {},
        async last() {
          const until = performance.now() + lasting(25);
          while (performance.now() < until) {
            await run(scene, next());
            steps += 1;
          }
        },
        end: () => {},
        note: () => `${steps} steps, seed ${driveOptions.seed}`,
      });
    } finally {
      await scene.remove();
    }
  });
});
