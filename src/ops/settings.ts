import { assert } from "../domain/assert.ts";
import type { Rate } from "../rate-limit/token-buckets.ts";
import { credentialNameOf, findCredentials } from "./credentials.ts";
import type { Flag } from "./flag.ts";
import { findFlag, toVariable, type flags, type FlagName, type FlagValues } from "./flags.ts";
import { toQuoted } from "./printable.ts";
import { formatBytes, formatDurationMs, parseBytes, parseDurationMs, parseRate } from "./units.ts";
import { UsageError } from "./usage-error.ts";

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

type FlagOf<Kind extends string> = Extract<
  (typeof flags)[number],
  { readonly type: { readonly kind: Kind } }
>;
type NumberFlagName = FlagOf<"integer" | "size" | "duration">["name"];
type ChoiceFlag = FlagOf<"choice">;
type ChoiceOf<Name extends FlagName> = Extract<
  ChoiceFlag,
  { readonly name: Name }
>["type"]["choices"][number];

/**
 * The values of all flags: from the command line, else the environment, else a credential of
 * systemd, else the default.
 */
export interface Settings {
  /** Who gave the value, as a message names it (`--db-user`, `REGISTRY_DB_USER`); null: nobody. */
  sourceOf(name: FlagName): string | null;
  /** The text of a flag; null when nobody gave it and it has no default. */
  text(name: FlagName): string | null;
  /**
   * A number, in bytes or ms where the flag is a size or a duration.
   * @throws UsageError when it is not one, or out of the flag's bounds
   */
  number(name: NumberFlagName): number;
  /**
   * One of the flag's choices; null when nobody gave it and it has no default.
   * @throws UsageError when it is none of them
   */
  choice<Name extends ChoiceFlag["name"]>(name: Name): ChoiceOf<Name> | null;
  /** A rate; null when nobody gave it. @throws UsageError when it is none */
  rate(name: FlagOf<"rate">["name"]): Rate | null;
  /** Whether a switch is on. @throws UsageError when its variable is neither true nor false */
  isOn(name: FlagOf<"switch">["name"]): boolean;
}

/**
 * Looks flags up in what was typed (`values`) and in `environment`, where empty means unset.
 * @throws UsageError for an empty value on the command line, save an empty password
 */
export function createSettings(values: FlagValues, environment: Environment): Settings {
  for (const [name, value] of Object.entries(values)) {
    if (value === "" && name !== "db-password") {
      throw new UsageError(`--${name} is empty; give it a value or leave it out`);
    }
  }
  const typed = (name: FlagName): string | null => values[name] ?? null;
  const inherited = (name: FlagName): string | null => environment[toVariable(name)] || null;
  const isGiven = (name: FlagName): boolean => typed(name) !== null || inherited(name) !== null;
  const credentials = findCredentials(environment["CREDENTIALS_DIRECTORY"], isGiven);
  const sourceOf = (name: FlagName): string | null => {
    if (typed(name) !== null) return `--${name}`;
    if (inherited(name) === null) return name in credentials ? credentialNameOf(name) : null;
    const variable = toVariable(name);
    // A secret that was typed has been moved there, out of sight (cli/hide-password.ts).
    return flagNamed(name).isSecret === true ? `--${name} (or ${variable})` : variable;
  };
  const text = (name: FlagName): string | null =>
    typed(name) ?? inherited(name) ?? credentials[name] ?? flagNamed(name).default;
  const read = (name: FlagName): string | number | Rate | null => {
    const value = text(name);
    return value === null ? null : parseValue(flagNamed(name), value, sourceOf(name));
  };
  return {
    sourceOf,
    text,
    number(name) {
      const value = read(name);
      assert(typeof value === "number", `--${name} has a default, a number`);
      return value;
    },
    choice: <Name extends ChoiceFlag["name"]>(name: Name) => read(name) as ChoiceOf<Name> | null,
    rate: (name) => read(name) as Rate | null,
    isOn: (name) => read(name) === "true",
  };
}

// --- internal ---

function flagNamed(name: FlagName): Flag {
  const flag = findFlag(name);
  assert(flag !== null, `${name} is in the table`);
  return flag;
}

function parseValue(flag: Flag, text: string, source: string | null): string | number | Rate {
  const refuse = (why: string): never => {
    throw new UsageError(`${source ?? `--${flag.name}`}: ${why}${hintFor(text, source)}`);
  };
  const { type } = flag;
  if (type.kind === "text") return text;
  if (type.kind === "switch") {
    if (text === "true" || text === "false") return text;
    return refuse(`${toQuoted(text)} is neither true nor false`);
  }
  if (type.kind === "choice") {
    if (type.choices.includes(text)) return text;
    return refuse(`${toQuoted(text)} is none of ${type.choices.join(", ")}`);
  }
  if (type.kind === "rate") return refusing(() => parseRate(text, type.of), refuse);
  const [min, max, format] = boundsOf(type);
  const number = parseNumber(type, text, refuse);
  if (number >= min && number <= max) return number;
  return refuse(`${toQuoted(text)} is out of bounds: ${format(min)} to ${format(max)}`);
}

type NumberKind = Exclude<Flag["type"], { readonly kind: "text" | "choice" | "switch" | "rate" }>;

function boundsOf(type: NumberKind): readonly [number, number, (value: number) => string] {
  if (type.kind === "integer") return [type.min, type.max, String];
  if (type.kind === "size") return [type.bytesMin, type.bytesMax, formatBytes];
  return [type.msMin, type.msMax, formatDurationMs];
}

function parseNumber(type: NumberKind, text: string, refuse: (why: string) => never): number {
  if (type.kind === "integer") {
    if (/^\d{1,15}$/.test(text)) return Number(text);
    return refuse(`${toQuoted(text)} is not a whole number; write ${type.min} to ${type.max}`);
  }
  return refusing(() => (type.kind === "size" ? parseBytes(text) : parseDurationMs(text)), refuse);
}

function refusing<T>(parse: () => T, refuse: (why: string) => never): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof UsageError) return refuse(error.message);
    throw error;
  }
}

/** Kubernetes gives every pod `REGISTRY_PORT=tcp://…` once a service is named "registry". */
function hintFor(text: string, source: string | null): string {
  if (source !== toVariable("port") || !text.startsWith("tcp://")) return "";
  return ' (Kubernetes set it for a service named "registry": use enableServiceLinks: false)';
}
