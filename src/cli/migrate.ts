import { defineCommand, type CommandDef } from "citty";
import type { Log } from "../domain/log.ts";
import { readConfig, readEnvironment, scrubEnvironment, type Config } from "../ops/config.ts";
import { createLog } from "../ops/log.ts";
import { createSettings } from "../ops/settings.ts";
import { UsageError } from "../ops/usage-error.ts";
import { argsOf, toValues } from "./citty-args.ts";
import { commands } from "./commands.ts";
import {
  censusToJson,
  renderApplied,
  renderBadRow,
  renderCensus,
  renderRekeyed,
} from "./migrate-report.ts";
import { createReporter } from "./reporter.ts";

/**
 * `registry migrate`: brings the schema up to date, looks at the database, or rekeys old rows.
 * Results go to standard output, the log and the progress bar to standard error.
 */
export function createMigrateCommand(finish: (exitCode: number) => void): CommandDef {
  return defineCommand({
    meta: { name: "migrate", description: commands.migrate.summary },
    args: argsOf("migrate"),
    async run({ args: parsed }) {
      const values = toValues(parsed);
      const environment = readEnvironment();
      const settings = createSettings(values, environment);
      const [isStatus, isRekey] = [settings.isOn("status"), settings.isOn("rekey")];
      if (isStatus && isRekey) {
        throw new UsageError("--status and --rekey exclude each other: run one after the other");
      }
      const {
        database,
        logLevel: level,
        logFormat: format,
      } = readConfig(values, environment, process.stderr.isTTY);
      scrubEnvironment();
      const log = createLog({ level, format, write: writeError });
      const job = { database, log, isJson: settings.isOn("json") };
      if (isStatus) finish(await status(job));
      else finish(await (isRekey ? rekey(job) : migrate(job)));
    },
  });
}

// --- internal ---

interface Job {
  readonly database: Config["database"];
  readonly log: Log;
  readonly isJson: boolean;
}

function writeError(line: string): void {
  process.stderr.write(line);
}

/** Only now: it loads the drivers, and a usage error needs none of them. */
const loadWork = async () => await import("../ops/migrate-database.ts");

async function migrate({ database, log, isJson }: Job): Promise<number> {
  const { migrateDatabase } = await loadWork();
  process.stdout.write(renderApplied(await migrateDatabase(database, log), isJson));
  return 0;
}

async function status({ database, log, isJson }: Job): Promise<number> {
  const { surveyDatabase } = await loadWork();
  const reporter = createReporter({ stream: process.stderr, log, label: "counting" });
  const surveying = surveyDatabase(database, log, (part) => reporter.tell(part));
  const census = await surveying.finally(() => reporter.stop());
  process.stdout.write(isJson ? censusToJson(census) : renderCensus(census));
  return 0;
}

async function rekey({ database, log, isJson }: Job): Promise<number> {
  const { rekeyDatabase } = await loadWork();
  const reporter = createReporter({ stream: process.stderr, log, label: "rekeying" });
  const rekeying = rekeyDatabase(database, log, {
    onBad(row) {
      reporter.clear();
      process.stdout.write(renderBadRow(row, isJson));
    },
    onProgress: (part, counts) => reporter.tell(part, { ...counts }),
  });
  const report = await rekeying.finally(() => reporter.stop());
  process.stdout.write(renderRekeyed(report, isJson));
  return report.bad === 0 ? 0 : 1;
}
