import { commandFlags } from "../ops/command-flags.ts";
import type { Flag } from "../ops/flag.ts";
import type { FlagName } from "../ops/flags.ts";
import { serverFlags } from "../ops/server-flags.ts";

/** What a command is, for the strict check, the help and citty. */
export interface Command {
  /** One line: what it does. */
  readonly summary: string;
  /** The flags it takes, besides `--help` and `--version`. */
  readonly flags: readonly Flag[];
  /** What it takes besides flags, as the help shows it; left out: nothing. */
  readonly operands?: string;
}

/** The commands of the registry. */
export const commands = {
  serve: { summary: "run the server; this is what `registry` alone does", flags: serverFlags },
  migrate: {
    summary: "bring a database up to date, look at it, or rewrite its old keys",
    flags: [...commandFlagsNamed("status", "rekey", "json"), ...flagsOf("Database", "Logging")],
  },
  verify: {
    summary: "hash every stored byte again, while registries run",
    flags: [
      ...commandFlagsNamed("quarantine", "rate", "from", "json"),
      ...flagsOf("Database", "Logging"),
    ],
  },
  delete: {
    summary: "delete blobs and deny their keys (-: keys from standard input)",
    flags: [...commandFlagsNamed("undo", "json"), ...flagsOf("Database", "Logging")],
    operands: "KEY...",
  },
  put: {
    summary: "upload files (-: standard input) and print their keys",
    flags: commandFlagsNamed("url", "token-file", "json"),
    operands: "FILE...",
  },
  get: {
    summary: "download blobs by their keys, verified",
    flags: commandFlagsNamed("url", "output", "json"),
    operands: "KEY...",
  },
  stat: {
    summary: "say which keys are there, and how large the blobs are",
    flags: commandFlagsNamed("url", "json"),
    operands: "KEY...",
  },
  token: {
    summary: "make a token for --upload-token-file of the server",
    flags: commandFlagsNamed("expires", "json"),
    operands: "[NAME]",
  },
  openapi: { summary: "print the OpenAPI document of the HTTP interface (YAML)", flags: [] },
} as const satisfies Readonly<Record<string, Command>>;

export type CommandName = keyof typeof commands;

/** The command that runs when none is named. */
export const defaultCommand: CommandName = "serve";

export const commandNames = Object.keys(commands) as readonly CommandName[];

/** Whether `text` names a command. */
export function isCommandName(text: string): text is CommandName {
  return Object.hasOwn(commands, text);
}

// --- internal ---

function commandFlagsNamed(...names: readonly FlagName[]): readonly Flag[] {
  return commandFlags.filter(({ name }) => names.includes(name));
}

function flagsOf(...groups: readonly Flag["group"][]): readonly Flag[] {
  return serverFlags.filter(({ group }) => groups.includes(group));
}
