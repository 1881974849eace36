#!/usr/bin/env bun
import { runRoot } from "./cli/root.ts";
import { StartError } from "./domain/errors.ts";
import { flushLog } from "./ops/log-output.ts";
import { withoutSecrets } from "./ops/redaction.ts";
import { UsageError } from "./ops/usage-error.ts";

const flushMsMax = 2000;

/** Runs the program; every failure ends here, as a line on stderr and an exit code. */
async function main(): Promise<number> {
  try {
    return await runRoot(process.argv.slice(2));
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`registry: ${error.message}\nsee registry --help\n`);
      return 2;
    }
    if (error instanceof StartError) {
      process.stderr.write(`registry: ${error.message}\n`);
      return 1;
    }
    const told = withoutSecrets(Bun.inspect(error));
    process.stderr.write(`registry: this is a bug in the registry\n${told}\n`);
    return 1;
  }
}

/** Resolves once `stream` has taken everything, or nobody reads it any more. */
function flush(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.end(resolve));
}

async function flushAll(): Promise<void> {
  await flushLog(flushMsMax);
  await Promise.all([flush(process.stdout), flush(process.stderr)]);
}

const exitCode = await main();
// Bun writes to a pipe in the background, and `exit` would drop what is still on its way.
await Promise.race([flushAll(), Bun.sleep(flushMsMax)]);
process.exit(exitCode);
