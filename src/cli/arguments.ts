import { findFlag, type FlagName, type FlagValues } from "../ops/flags.ts";
import { toQuoted } from "../ops/printable.ts";
import { UsageError } from "../ops/usage-error.ts";
import {
  commandNames,
  commands,
  defaultCommand,
  isCommandName,
  type CommandName,
} from "./commands.ts";
import { findNearest } from "./nearest.ts";

/** A command to be run. */
export interface RunInvocation {
  readonly kind: "run";
  readonly command: CommandName;
  readonly values: FlagValues;
  /** What is not a flag: files or keys. */
  readonly operands: readonly string[];
}

/** What a command line asks for. */
export type Invocation =
  | RunInvocation
  | { readonly kind: "help"; readonly command: CommandName | null }
  | { readonly kind: "version" };

/**
 * Checks every argument against the commands and the flag table; citty would let unknown flags
 * pass, take the last of repeated ones, and mistake a value for a command.
 * @param words what follows the program's name
 * @throws UsageError, one line that shows no value
 */
export function parseArguments(words: readonly string[]): Invocation {
  const [first = ""] = words;
  const command = readCommand(first);
  const rest = first === "" || first.startsWith("-") ? words : words.slice(1);
  if (words.some((word) => word === "--help" || word === "-h")) {
    return { kind: "help", command };
  }
  if (first === "help") return { kind: "help", command: readHelpTopic(rest) };
  if (words.some((word) => word === "--version" || word === "-V")) return { kind: "version" };
  return { kind: "run", ...readFlags(command ?? defaultCommand, rest) };
}

/**
 * The one spelling that citty cannot read otherwise: the command, then `--flag=value` for each, or
 * `--flag` for a switch, then what is not a flag.
 */
export function toWords({ command, values, operands }: RunInvocation): string[] {
  const words = Object.entries(values).map(([name, value]) =>
    findFlag(name)?.type.kind === "switch" ? `--${name}` : `--${name}=${value}`,
  );
  return [command, ...words, ...(operands.length === 0 ? [] : ["--", ...operands])];
}

// --- internal ---

function readCommand(first: string): CommandName | null {
  if (first === "" || first.startsWith("-") || first === "help") return null;
  if (isCommandName(first)) return first;
  const nearest = findNearest(first, [...commandNames, "help"]);
  throw new UsageError(`unknown command ${toQuoted(first)}${suggest(nearest)}`);
}

function readHelpTopic(rest: readonly string[]): CommandName | null {
  const [topic, ...more] = rest;
  if (topic === undefined) return null;
  if (more.length > 0 || topic.startsWith("-")) {
    throw new UsageError("help takes the name of one command, or nothing");
  }
  return readCommand(topic);
}

function readFlags(command: CommandName, words: readonly string[]) {
  const values: Partial<Record<FlagName, string>> = {};
  const operands: string[] = [];
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? "";
    if (!word.startsWith("-") || word === "-" || word === "--") {
      if (!("operands" in commands[command])) throw refuseWord(word, values);
      // Behind "--" nothing is a flag (POSIX, Utility Syntax Guideline 10).
      if (word === "--")
        return { command, values, operands: [...operands, ...words.slice(index + 1)] };
      operands.push(word);
      continue;
    }
    const name = readFlagName(command, word, values);
    if (Object.hasOwn(values, name)) {
      throw new UsageError(`--${name} is given more than once; keep one`);
    }
    const equals = word.indexOf("=");
    if (findFlag(name)?.type.kind === "switch") {
      if (equals >= 0) throw new UsageError(`--${name} takes no value`);
      values[name] = "true";
      continue;
    }
    if (equals >= 0) {
      values[name] = word.slice(equals + 1);
      continue;
    }
    index += 1;
    values[name] = readValue(name, words[index]);
  }
  return { command, values, operands };
}

function readFlagName(command: CommandName, word: string, values: FlagValues): FlagName {
  const [, dashes = "", typed = ""] = /^(--?)([^=]*)/s.exec(word) ?? [];
  const flag = dashes === "--" ? findFlag(typed) : null;
  const known = commands[command].flags.map(({ name }) => name);
  if (flag !== null && known.includes(flag.name)) return flag.name;
  if (flag !== null) throw new UsageError(`${command} takes no --${flag.name}`);
  if (dashes === "--" && (typed === "help" || typed === "version")) {
    throw new UsageError(`--${typed} takes no value`);
  }
  const nearest = typed.length < 2 ? null : findNearest(typed, [...known, "help", "version"]);
  // `-pPASSWORD` is how other programs take one.
  const told = dashes === "--" || nearest !== null ? dashes + typed : word.slice(0, 2);
  throw refuseFlag(told, nearest, values);
}

function refuseFlag(told: string, nearest: string | null, values: FlagValues): UsageError {
  const shown = hasSecret(values) ? "" : ` ${toQuoted(told).slice(1, -1)}`;
  return new UsageError(`unknown flag${shown}${suggest(nearest === null ? null : `--${nearest}`)}`);
}

function refuseWord(word: string, values: FlagValues): UsageError {
  if (word === "--") return new UsageError('"--" has no use here; remove it');
  if (isCommandName(word)) return new UsageError(`${word} is a command; write it first`);
  const shown = hasSecret(values) ? "" : ` ${toQuoted(word)}`;
  return new UsageError(`unexpected argument${shown}; quote a value that holds spaces`);
}

/** After a secret, a stray word is likely a piece of it that was not quoted. */
function hasSecret(values: FlagValues): boolean {
  return Object.keys(values).some((name) => findFlag(name)?.isSecret === true);
}

function readValue(name: FlagName, value: string | undefined): string {
  if (value !== undefined && (value === "-" || !value.startsWith("-"))) return value;
  const hint = value === undefined ? "" : `; if it begins with a dash, write --${name}=VALUE`;
  throw new UsageError(`--${name} needs a value${hint}`);
}

function suggest(nearest: string | null): string {
  return nearest === null ? "" : `; did you mean ${nearest}?`;
}
