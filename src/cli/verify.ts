import { defineCommand, type CommandDef } from "citty";
import { toHex, type Bytes } from "../domain/bytes.ts";
import { readConfig, readEnvironment, scrubEnvironment, type Config } from "../ops/config.ts";
import { createLog } from "../ops/log.ts";
import { toQuoted } from "../ops/printable.ts";
import { createSettings } from "../ops/settings.ts";
import { UsageError } from "../ops/usage-error.ts";
import { argsOf, toValues } from "./citty-args.ts";
import { commands } from "./commands.ts";
import { untilInterrupted } from "./interruption.ts";
import { createReporter } from "./reporter.ts";
import { renderFinding, renderVerified } from "./verify-report.ts";

/**
 * `registry verify`: hashes every stored byte again. Results go to standard output, the log and the
 * progress bar to standard error.
 */
export function createVerifyCommand(finish: (exitCode: number) => void): CommandDef {
  return defineCommand({
    meta: { name: "verify", description: commands.verify.summary },
    args: argsOf("verify"),
    async run({ args: parsed }) {
      const values = toValues(parsed);
      const environment = readEnvironment();
      const settings = createSettings(values, environment);
      const { database, logLevel, logFormat } = readConfig(
        values,
        environment,
        process.stderr.isTTY,
      );
      const job: Job = {
        database,
        logLevel,
        logFormat,
        bytesPerSecond: settings.number("rate"),
        from: parseFrom(settings.text("from"), settings.sourceOf("from")),
        isQuarantining: settings.isOn("quarantine"),
        isJson: settings.isOn("json"),
      };
      scrubEnvironment();
      finish(await untilInterrupted(async (signal) => await verify(job, signal)));
    },
  });
}

// --- internal ---

interface Job extends Pick<Config, "database" | "logLevel" | "logFormat"> {
  readonly bytesPerSecond: number;
  readonly from: Bytes | null;
  readonly isQuarantining: boolean;
  readonly isJson: boolean;
}

/** Any beginning of a key will do; an odd last digit counts as followed by 0. */
function parseFrom(text: string | null, source: string | null): Bytes | null {
  if (text === null) return null;
  if (/^[\da-f]{1,128}$/i.test(text)) {
    return Uint8Array.fromHex(text.length % 2 === 0 ? text : `${text}0`);
  }
  throw new UsageError(
    `${source ?? "--from"}: ${toQuoted(text)} is no beginning of a key; write hexadecimal digits`,
  );
}

async function verify(job: Job, signal: AbortSignal): Promise<number> {
  const { isJson, logLevel: level, logFormat: format, ...verification } = job;
  const log = createLog({ level, format, write: (line) => void process.stderr.write(line) });
  // Only now: it loads the drivers, and a usage error needs none of them.
  const { verifyDatabase } = await import("../ops/verify-database.ts");
  const reporter = createReporter({ stream: process.stderr, log, label: "verifying" });
  const verifying = verifyDatabase(job.database, log, {
    ...verification,
    signal,
    onBad(row) {
      reporter.clear();
      process.stdout.write(renderFinding(row, isJson));
    },
    onProgress(part, { rows, bad }, reached) {
      reporter.tell(part, { rows, bad }, { from: toHex(reached) });
    },
  });
  const report = await verifying.finally(() => reporter.stop());
  process.stdout.write(renderVerified(report, isJson));
  return report.bad === 0 ? 0 : 1;
}
