import { defineCommand, type CommandDef } from "citty";
import { parseBlobKey, type BlobKey } from "../domain/blob-key.ts";
import { StartError } from "../domain/errors.ts";
import { readConfig, readEnvironment, scrubEnvironment } from "../ops/config.ts";
import { parseDenyList } from "../ops/deny-list.ts";
import { createLog } from "../ops/log.ts";
import { createSettings } from "../ops/settings.ts";
import { UsageError } from "../ops/usage-error.ts";
import { argsOf, toValues } from "./citty-args.ts";
import { standardInput } from "./blob-source.ts";
import { commands } from "./commands.ts";
import { isDone, renderDeletion } from "./delete-report.ts";
import { untilInterrupted } from "./interruption.ts";
import { readKeys } from "./key-operands.ts";

/** `registry delete`: takes keys down, or lifts that. A line for each, in their order. */
export function createDeleteCommand(
  finish: (exitCode: number) => void,
  operands: readonly string[],
): CommandDef {
  return defineCommand({
    meta: { name: "delete", description: commands.delete.summary },
    args: argsOf("delete"),
    async run({ args: parsed }) {
      const values = toValues(parsed);
      const environment = readEnvironment();
      const settings = createSettings(values, environment);
      const config = readConfig(values, environment, process.stderr.isTTY);
      const [isUndo, isJson] = [settings.isOn("undo"), settings.isOn("json")];
      scrubEnvironment();
      // All of them before the first is taken down: a wrong one is a reason to look again.
      const keys = await readAllKeys(operands);
      const { logLevel: level, logFormat: format } = config;
      const log = createLog({ level, format, write: (line) => void process.stderr.write(line) });
      let exitCode = 0;
      // Only now: it loads the drivers, and a usage error needs none of them.
      const { deleteBlobs } = await import("../ops/delete-blobs.ts");
      const work = async (signal: AbortSignal): Promise<number> => {
        let left = keys.length;
        await deleteBlobs(config.database, log, {
          keys,
          isUndo,
          signal,
          onOutcome(key, deletion) {
            left -= 1;
            if (!isDone(deletion)) exitCode = 1;
            const { output, warning } = renderDeletion(key, deletion, isJson);
            process.stdout.write(output);
            process.stderr.write(warning);
          },
        });
        if (left > 0) process.stderr.write(`registry: not tried: ${left} more\n`);
        return left > 0 ? 1 : exitCode;
      };
      finish(await untilInterrupted(work));
    },
  });
}

// --- internal ---

/** @throws UsageError when there is none, or one is no key */
async function readAllKeys(operands: readonly string[]): Promise<readonly BlobKey[]> {
  if (!operands.includes(standardInput)) return readKeys("delete", operands).map(parseBlobKey);
  const typed = operands.filter((operand) => operand !== standardInput);
  const keys = typed.length === 0 ? [] : readKeys("delete", typed).map(parseBlobKey);
  return [...keys, ...(await readInput())];
}

/** Written as a deny list is. */
async function readInput(): Promise<readonly BlobKey[]> {
  try {
    const list = await parseDenyList(await Bun.stdin.bytes(), "standard input");
    return Array.from(list.keys());
  } catch (error) {
    if (error instanceof StartError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}
