import { flags, type Flag } from "../ops/flags.ts";

/** What a command is, for the strict check, the help and citty. */
export interface Command {
  /** One line: what it does. */
  readonly summary: string;
  /** The flags it takes, besides `--help` and `--version`. */
  readonly flags: readonly Flag[];
}

/** The commands of the registry. */
export const commands = {
  serve: { summary: "run the server; this is what `registry` alone does", flags },
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
