// Runs the fault drive: `bun run test:faults [--seed N] [--minutes N] [words for bun test]`. The
// same seed gives the same blobs and schedules, as far as a machine does the same twice.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { minutesUsual, variables } from "./support/options.ts";
import { formatTable, type Row } from "./support/table.ts";

const { seed, minutes, rest } = readWords(process.argv.slice(2));
const directory = mkdtempSync(join(tmpdir(), "mycelium-faults-"));
const tableFile = join(directory, "rows");

const again = `bun run test:faults --seed ${seed} --minutes ${minutes}`;
process.stdout.write(`seed ${seed}; again: ${again}\n`);
const testMsMax = Math.round(90_000 * Math.max(1, minutes / minutesUsual));
const child = Bun.spawn(
  [process.execPath, "test", "--timeout", String(testMsMax), import.meta.dir, ...rest],
  {
    cwd: join(import.meta.dir, "../.."),
    env: {
      ...process.env,
      [variables.seed]: String(seed),
      [variables.minutes]: String(minutes),
      [variables.tableFile]: tableFile,
    },
    stdio: ["ignore", "inherit", "inherit"],
  },
);
// Ended by whoever ended us: the tests clear up, and then so do we.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
process.exitCode = await child.exited;
if (existsSync(tableFile)) process.stdout.write(`\n${formatTable(rowsOf(tableFile))}\n`);
process.stdout.write(`\nseed ${seed}; again: ${again}\n`);
rmSync(directory, { recursive: true });

// --- internal ---

/** @throws Error when a number is none */
function readWords(words: readonly string[]) {
  const numbers = { "--seed": Date.now() % 2 ** 31, "--minutes": minutesUsual };
  const others: string[] = [];
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? "";
    if (word !== "--seed" && word !== "--minutes") {
      others.push(word);
      continue;
    }
    index += 1;
    const number = Number(words[index]);
    if (!(number > 0)) throw new Error(`${word} takes a number above 0`);
    numbers[word] = number;
  }
  return { seed: numbers["--seed"], minutes: numbers["--minutes"], rest: others };
}

function rowsOf(file: string): Row[] {
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as Row);
}
