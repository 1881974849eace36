import manifest from "../../package.json" with { type: "json" };
import { flagGroups, type Flag } from "../ops/flag.ts";
import { toVariable } from "../ops/flags.ts";
import type { Environment } from "../ops/settings.ts";
import { notesOf } from "./command-notes.ts";
import {
  commandNames,
  commands,
  defaultCommand,
  type Command,
  type CommandName,
} from "./commands.ts";

const nameColumns = 34;

/** The name and version of the program and of what it runs on, as `--version` shows it. */
export function renderVersion(): string {
  return `registry ${manifest.version} (Bun ${Bun.version}, ${process.platform} ${process.arch})\n`;
}

/**
 * The help of the program (`null`) or of one of its commands, at most 100 columns wide.
 * @param isColoured whether it goes to a terminal that shows colours
 */
export function renderHelp(command: CommandName | null, isColoured: boolean): string {
  const paint = isColoured ? toAnsi : (text: string): string => text;
  const { flags } = commands[command ?? defaultCommand];
  const what = command === null ? manifest.description : commands[command].summary;
  return [
    `${paint(`registry ${manifest.version}`, "title")}  ${what}`,
    "",
    `${paint("Usage", "title")}  registry ${usageOf(command)}`,
    ...(command === null ? renderCommands(paint) : []),
    ...flagGroups.flatMap((group) =>
      renderGroup(
        group,
        flags.filter((flag) => flag.group === group),
        paint,
      ),
    ),
    ...renderNotes(command ?? defaultCommand, paint),
    "",
  ].join("\n");
}

/** Whether to colour what goes to `stream`: a terminal, and no `NO_COLOR` (no-color.org). */
export function wantsColour(
  stream: { readonly isTTY?: boolean },
  environment: Environment,
): boolean {
  const isRefused = (environment["NO_COLOR"] ?? "") !== "" || environment["TERM"] === "dumb";
  return stream.isTTY === true && !isRefused;
}

// --- internal ---

function usageOf(command: CommandName | null): string {
  const { flags, operands = "" }: Command = commands[command ?? defaultCommand];
  const name = (command ?? defaultCommand) === defaultCommand ? `[${defaultCommand}]` : command;
  return [name, flags.length === 0 ? "" : "[--flag VALUE]...", operands].filter(Boolean).join(" ");
}

type Paint = (text: string, role: "title" | "name" | "quiet") => string;

const ansiOf = { title: "1", name: "36", quiet: "2" } as const;

function toAnsi(text: string, role: keyof typeof ansiOf): string {
  return `\u001b[${ansiOf[role]}m${text}\u001b[0m`;
}

function renderCommands(paint: Paint): string[] {
  const row = (name: string, summary: string): string =>
    `  ${paint(name.padEnd(nameColumns - 2), "name")}${summary}`;
  return [
    "",
    paint("Commands", "title"),
    ...commandNames.map((name) => row(name, commands[name].summary)),
    row("help [COMMAND]", "show this text, or that of a command (also --help, -h)"),
    row("--version, -V", "show the version"),
  ];
}

function renderGroup(group: string, flags: readonly Flag[], paint: Paint): string[] {
  if (flags.length === 0) return [];
  return ["", paint(group, "title"), ...flags.flatMap((flag) => renderFlag(flag, paint))];
}

function renderFlag(flag: Flag, paint: Paint): string[] {
  const name = `--${flag.name} ${flag.placeholder}`.trimEnd().padEnd(nameColumns - 2);
  const choices = flag.type.kind === "choice" ? `: ${flag.type.choices.join(", ")}` : "";
  const note = flag.note ?? (flag.default === null ? null : `default ${flag.default}`);
  const source = toVariable(flag.name) + (note === null ? "" : `, ${note}`);
  return [
    `  ${paint(name, "name")}${flag.help}${choices}`,
    " ".repeat(nameColumns) + paint(source, "quiet"),
  ];
}

function renderNotes(command: CommandName, paint: Paint): string[] {
  const { exitCodes, facts = "", examples } = notesOf[command];
  const notes = [facts, describeValues(command), `Exit codes: ${exitCodes}.`];
  const shown = examples.flatMap(([why, how]) => [
    why,
    ...how.split("\n").map((line) => `  ${line}`),
  ]);
  return [
    ...renderSection("Notes", notes.flatMap(wrap), paint),
    ...(shown.length === 0 ? [] : renderSection("Examples", shown, paint)),
  ];
}

/** How the values of a command's flags are written. */
function describeValues(command: CommandName): string {
  const { flags }: Command = commands[command];
  if (flags.length === 0) return "";
  const kinds = flags.map(({ type }) => type.kind);
  const ofSwitches = kinds.includes("switch")
    ? "; that of a flag without a value is true or false"
    : "";
  return [
    "A flag is written --flag VALUE or --flag=VALUE, and wins over its environment variable.",
    `An empty variable counts as unset${ofSwitches}.`,
    kinds.includes("size") ? "SIZE: 500 (bytes), 10KiB, 64MiB, 1GiB." : "",
    kinds.includes("rate") ? "RATE: 100/s, 5/m, 1000/h; of bytes 10MiB/s." : "",
    kinds.includes("duration") ? "DURATION: 500ms, 10s, 5m, 1h." : "",
  ].join(" ");
}

function renderSection(title: string, lines: readonly string[], paint: Paint): string[] {
  return ["", paint(title, "title"), ...lines.map((line) => `  ${line}`)];
}

/** Lines that fit the page, indented; none for an empty text. */
function wrap(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ").filter(Boolean)) {
    const line = lines.at(-1);
    if (line === undefined || line.length + word.length >= 98) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}
