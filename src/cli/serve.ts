import { defineCommand, type ArgsDef, type CommandDef } from "citty";
import { readConfig, readEnvironment, scrubEnvironment } from "../ops/config.ts";
import { flags, type FlagName, type FlagValues } from "../ops/flags.ts";
import { createLog } from "../ops/log.ts";
import { commands } from "./commands.ts";

/**
 * The flag table as citty's arguments: no defaults and no `enum`, because what was not typed must
 * stay unknown until the environment has been asked.
 */
export const serveArgs: ArgsDef = Object.fromEntries(
  flags.map(({ name, help, placeholder }) => [
    name,
    { type: "string", description: help, valueHint: placeholder },
  ]),
);

/** `registry serve`: runs the server until it is stopped; `finish` gets the exit code. */
export function createServeCommand(finish: (exitCode: number) => void): CommandDef {
  return defineCommand({
    meta: { name: "serve", description: commands.serve.summary },
    args: serveArgs,
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

/** What citty parsed, flag by flag, without its camel-cased copies. */
export function toValues(parsed: Readonly<Record<string, unknown>>): FlagValues {
  const values: Partial<Record<FlagName, string>> = {};
  for (const { name } of flags) {
    const value = parsed[name];
    if (typeof value === "string") values[name] = value;
  }
  return values;
}
