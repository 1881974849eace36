/*
 * bun run fuzz [--seconds N] [--seed N] [--target NAME] [--shard I/N]: tries every parser of what
 * strangers send with inputs made of the corpus, N seconds each; of N shards that share the work,
 * the I-th. What fails is kept in the corpus, where the tests try it from then on. Exit code 1 when
 * something failed.
 */
import { parseArgs } from "node:util";
import { fuzz, keep, type Run } from "./fuzzing.ts";
import { targets } from "./targets.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "10" },
    seed: { type: "string", default: String(Date.now() % 2 ** 32) },
    target: { type: "string" },
    shard: { type: "string", default: "1/1" },
  },
});
const seconds = Number(values.seconds);
const seed = Number(values.seed);
const [shard = Number.NaN, shards = Number.NaN] = values.shard.split("/").map(Number);
const chosen = targets
  .filter(({ name }) => values.target === undefined || name === values.target)
  .filter((_, index) => index % shards === shard - 1);
if (chosen.length === 0 || !(seconds > 0) || !Number.isInteger(seed)) {
  const names = targets.map(({ name }) => name).join(", ");
  process.stderr.write(
    `usage: fuzz [--seconds N] [--seed N] [--target NAME] [--shard I/N]; names: ${names}\n`,
  );
  process.exit(2);
}

process.stdout.write(`seed ${seed}\n`);
let isBad = false;
for (const target of chosen) {
  // Its name first: what never ends is known by it, and found again by the seed.
  process.stdout.write(target.name.padEnd(14));
  const run = await fuzz(target, { seconds, seed });
  process.stdout.write(` ${toFigures(run)}\n`);
  if (run.finding === null) continue;
  isBad = true;
  const path = keep(target, run.finding.input);
  process.stdout.write(`  kept as ${path}\n  ${Bun.inspect(run.finding.error)}\n`);
}
process.exit(isBad ? 1 : 0);

function toFigures({ tried, ways, finding }: Run): string {
  const end = finding === null ? "nothing found" : "FAILED";
  return `${String(tried).padStart(9)} inputs ${String(ways).padStart(4)} ways  ${end}`;
}
