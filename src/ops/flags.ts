import { commandFlags } from "./command-flags.ts";
import type { Flag } from "./flag.ts";
import { serverFlags } from "./server-flags.ts";

/**
 * Every flag there is. The strict check of the command line, the reading of the environment, the
 * help and citty's arguments all come from here.
 */
export const flags = [...serverFlags, ...commandFlags] as const;

/** The name of a flag, without the two dashes. */
export type FlagName = (typeof flags)[number]["name"];

/** Values as typed on the command line, by flag. */
export type FlagValues = Readonly<Partial<Record<FlagName, string>>>;

const flagByName: ReadonlyMap<string, Flag & { readonly name: FlagName }> = new Map(
  flags.map((flag) => [flag.name, flag]),
);

/** The flag of that name (without dashes), or null. */
export function findFlag(name: string): (Flag & { readonly name: FlagName }) | null {
  return flagByName.get(name) ?? null;
}

/** The environment variable of a flag: `db-password` → `REGISTRY_DB_PASSWORD`. */
export function toVariable(name: string): string {
  return `REGISTRY_${name.toUpperCase().replaceAll("-", "_")}`;
}
