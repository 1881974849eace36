import { defineCommand, type CommandDef } from "citty";
import { readConfig, readEnvironment, scrubEnvironment } from "../ops/config.ts";
import { createLog } from "../ops/log.ts";
import { argsOf, toValues } from "./citty-args.ts";
import { commands } from "./commands.ts";

/** `registry serve`: runs the server until it is stopped; `finish` gets the exit code. */
export function createServeCommand(finish: (exitCode: number) => void): CommandDef {
  return defineCommand({
    meta: { name: "serve", description: commands.serve.summary },
    args: argsOf("serve"),
    async run({ args: parsed }) {
      const config = readConfig(toValues(parsed), readEnvironment());
      scrubEnvironment();
      const log = createLog({ level: config.logLevel, format: config.logFormat });
      // Only now: it loads the whole house, and a usage error needs none of it.
      const { run } = await import("../ops/lifecycle.ts");
      finish(await run(config, log));
    },
  });
}
