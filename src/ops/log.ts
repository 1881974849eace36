import type { Log, LogFields } from "../domain/log.ts";
import { toLogged, toStackLines, toText } from "./log-fields.ts";
import { toPrintable } from "./printable.ts";

const levels = ["debug", "info", "warn", "error"] as const;
type Level = (typeof levels)[number];

/** How and where to log. */
export interface LogOptions {
  /** Lines below this level are dropped. */
  readonly level: Level;
  /** `json`: one JSON object a line. `text`: one line for people, harmless to their terminal. */
  readonly format: "text" | "json";
  /** Takes each line, newline included; standard output by default. */
  readonly write?: (line: string) => void;
  /** What time it is; the system's clock by default. */
  readonly now?: () => Date;
}

/** A log that writes one line an event, with its time in UTC (RFC 3339). It never throws. */
export function createLog(options: LogOptions): Log {
  const { level: leastLevel, now = () => new Date(), write = openOutput() } = options;
  const toLine = options.format === "json" ? toJsonLine : toTextLine;
  const everyStack = leastLevel === "debug";
  const logAt = (level: Level) => {
    if (levels.indexOf(level) < levels.indexOf(leastLevel)) return () => {};
    return (message: string, fields: LogFields = {}): void => {
      const logged: [string, unknown][] = [];
      for (const [name, value] of Object.entries(fields)) {
        if (value !== undefined) logged.push([name, toLogged(value, everyStack)]);
      }
      write(toLine({ time: now().toISOString(), level, message }, logged));
    };
  };
  return { debug: logAt("debug"), info: logAt("info"), warn: logAt("warn"), error: logAt("error") };
}

// --- internal ---

interface Head {
  readonly time: string;
  readonly level: Level;
  readonly message: string;
}
type LoggedFields = readonly (readonly [string, unknown])[];

function openOutput(): (line: string) => void {
  // Whoever collected the lines may go away; the registry goes on without.
  if (!process.stdout.listeners("error").includes(ignore)) process.stdout.on("error", ignore);
  return (line) => {
    process.stdout.write(line);
  };
}

function ignore(): void {}

function toJsonLine(head: Head, fields: LoggedFields): string {
  // Twice: no field may take the place of time, level or message, which still come first.
  return `${JSON.stringify({ ...head, ...Object.fromEntries(fields), ...head })}\n`;
}

function toTextLine({ time, level, message }: Head, fields: LoggedFields): string {
  let line = `${time} ${level.toUpperCase().padEnd(5)} ${toPrintable(message)}`;
  for (const [name, value] of fields) line += ` ${toPrintable(name)}=${toText(value)}`;
  for (const [, value] of fields)
    for (const stackLine of toStackLines(value)) line += `\n${stackLine}`;
  return `${line}\n`;
}
