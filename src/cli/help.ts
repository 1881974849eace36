import manifest from "../../package.json" with { type: "json" };
import { flagGroups, toVariable, type Flag } from "../ops/flags.ts";
import type { Environment } from "../ops/settings.ts";
import { commandNames, commands, defaultCommand, type CommandName } from "./commands.ts";

const nameColumns = 33;

const examples: readonly (readonly [string, string])[] = [
  ["Try it out, without a database server:", "registry --embedded ./data"],
  ["On PostgreSQL:", "registry --db-user mycelium --db-password your-secure-password"],
  [
    "On PostgreSQL elsewhere, the password in a file, the server's certificate checked:",
    "registry --db-user mycelium --db-password-file /etc/mycelium/password \\\n" +
      "         --db-host db.example.org --db-tls verify-full",
  ],
];

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
  const usage = flags.length === 0 ? `registry ${command}` : "registry [serve] [--flag VALUE]...";
  const what = command === null ? manifest.description : commands[command].summary;
  return [
    `${paint(`registry ${manifest.version}`, "title")}  ${what}`,
    "",
    `${paint("Usage", "title")}  ${usage}`,
    ...(command === null ? renderCommands(paint) : []),
    ...flagGroups.flatMap((group) =>
      renderGroup(
        group,
        flags.filter((flag) => flag.group === group),
        paint,
      ),
    ),
    ...renderNotes(flags.length > 0, paint),
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
  const name = `--${flag.name} ${flag.placeholder}`.padEnd(nameColumns - 2);
  const choices = flag.type.kind === "choice" ? `: ${flag.type.choices.join(", ")}` : "";
  const note = flag.note ?? (flag.default === null ? null : `default ${flag.default}`);
  const source = toVariable(flag.name) + (note === null ? "" : `, ${note}`);
  return [
    `  ${paint(name, "name")}${flag.help}${choices}`,
    " ".repeat(nameColumns) + paint(source, "quiet"),
  ];
}

function renderNotes(hasFlags: boolean, paint: Paint): string[] {
  if (!hasFlags) return [];
  return [
    "",
    paint("Values", "title"),
    "  A flag is written --flag VALUE or --flag=VALUE, and wins over its environment variable.",
    "  An empty variable counts as unset. SIZE: 500 (bytes), 10KiB, 64MiB, 1GiB. DURATION: 500ms,",
    "  10s, 5m, 1h. Exit codes: 0 stopped as asked, 1 could not start or go on, 2 wrong usage.",
    "",
    paint("Examples", "title"),
    ...examples.flatMap(([why, how]) => [`  ${why}`, `    ${how.replaceAll("\n", "\n    ")}`]),
  ];
}
