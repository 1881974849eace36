/** What a log line carries besides its message. An Error is told with its code and its causes. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Where the registry says what happens to it. Never throws, whatever it is given. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}
