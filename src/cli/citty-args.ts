import type { ArgsDef } from "citty";
import { flags, type FlagName, type FlagValues } from "../ops/flags.ts";
import { commands, type CommandName } from "./commands.ts";

/**
 * A command's flags as citty's arguments: no defaults and no `enum`, because what was not typed
 * must stay unknown until the environment has been asked.
 */
export function argsOf(command: CommandName): ArgsDef {
  return Object.fromEntries(
    commands[command].flags.map(({ name, type, help, placeholder }) => [
      name,
      type.kind === "switch"
        ? { type: "boolean", description: help }
        : { type: "string", description: help, valueHint: placeholder },
    ]),
  );
}

/** What citty parsed, flag by flag, without its camel-cased copies. */
export function toValues(parsed: Readonly<Record<string, unknown>>): FlagValues {
  const values: Partial<Record<FlagName, string>> = {};
  for (const { name } of flags) {
    const value = parsed[name];
    if (typeof value === "string") values[name] = value;
    if (value === true) values[name] = "true";
  }
  return values;
}
