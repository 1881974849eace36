import { limits } from "../domain/limits.ts";
import type { Log, LogFields } from "../domain/log.ts";
import { toLogged, toMessage, toStackLines, toText } from "./log-fields.ts";
import { openStandardOutput } from "./log-output.ts";
import { toPrintable, toPrintableJson } from "./printable.ts";
import { isSecretName } from "./redaction.ts";

const levels = ["debug", "info", "warn", "error"] as const;
type Level = (typeof levels)[number];

/** How and where to log. */
export interface LogOptions {
  /** Lines below this level are dropped. */
  readonly level: Level;
  /** `json`: one JSON object a line. `text`: one line for people, harmless to their terminal. */
  readonly format: "text" | "json";
  /** Takes each line, newline included; by default standard output, which may lose some. */
  readonly write?: (line: string) => void;
  /** What time it is; the system's clock by default. */
  readonly now?: () => Date;
}

/**
 * A log that writes one line an event, with its time in UTC (RFC 3339). It never throws and never
 * waits; a line has an end, and nothing from outside is in it that a terminal would obey.
 */
export function createLog(options: LogOptions): Log {
  const { level: leastLevel, now = () => new Date() } = options;
  const toLine = options.format === "json" ? toJsonLine : toTextLine;
  const toLossLine = (lost: number): string =>
    toLine({ time: now().toISOString(), level: "warn", message: lossMessage }, [["lost", lost]]);
  const { write = openStandardOutput(toLossLine).write } = options;
  const everyStack = leastLevel === "debug";
  const logAt = (level: Level) => {
    if (levels.indexOf(level) < levels.indexOf(leastLevel)) return () => {};
    return (message: string, fields: LogFields = {}): void => {
      const logged: [string, unknown][] = [];
      for (const [name, value] of Object.entries(fields)) {
        if (value === undefined) continue;
        logged.push([name, isSecretName(name) ? "***" : toLogged(value, everyStack)]);
      }
      const head = { time: now().toISOString(), level, message: toMessage(message) };
      const line = toLine(head, logged);
      // Every field is cut; so many of them are nobody's intention.
      const isTooLong = line.length > limits.logLineCharactersMax;
      write(isTooLong ? toLine(head, [["cut", line.length]]) : line);
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

const lossMessage = "lines of the log were lost here: nobody took them in time";

function toJsonLine(head: Head, fields: LoggedFields): string {
  // Twice: no field may take the place of time, level or message, which still come first.
  const members = { ...head, ...Object.fromEntries(fields), ...head };
  return `${toPrintableJson(JSON.stringify(members))}\n`;
}

function toTextLine({ time, level, message }: Head, fields: LoggedFields): string {
  let line = `${time} ${level.toUpperCase().padEnd(5)} ${toPrintable(message)}`;
  for (const [name, value] of fields) line += ` ${toPrintable(name)}=${toText(value)}`;
  for (const [, value] of fields)
    for (const stackLine of toStackLines(value)) line += `\n${stackLine}`;
  return `${line}\n`;
}
