import { limits } from "../domain/limits.ts";

/** What a flag's value may be; bounds are inclusive. */
type FlagKind =
  | { readonly kind: "text" }
  | { readonly kind: "integer"; readonly min: number; readonly max: number }
  | { readonly kind: "size"; readonly bytesMin: number; readonly bytesMax: number }
  | { readonly kind: "duration"; readonly msMin: number; readonly msMax: number }
  | { readonly kind: "choice"; readonly choices: readonly string[] };

/** The sections of the help, in its order. */
export const flagGroups = ["Database", "Server", "Limits", "Stopping", "Logging"] as const;

/** One flag of the registry: everything that is known about it. */
export interface Flag {
  /** As typed, without the two dashes. */
  readonly name: string;
  readonly group: (typeof flagGroups)[number];
  /** What stands for the value in the help. */
  readonly placeholder: string;
  readonly type: FlagKind;
  /** As it would be typed. */
  readonly default: string | null;
  /** What the help says in place of the default. */
  readonly note?: string;
  /** The value must not be seen: not in a message, not in `ps`, not in a child's environment. */
  readonly isSecret?: true;
  readonly help: string;
}

const oneHourMs = 3_600_000;
const portType = { kind: "integer", min: 1, max: 65_535 } as const;
const text = { kind: "text" } as const;

/**
 * Every flag there is. The strict check of the command line, the reading of the environment, the
 * help and citty's arguments all come from here.
 */
export const flags = [
  {
    name: "db-user",
    group: "Database",
    placeholder: "NAME",
    type: text,
    default: null,
    note: "required, unless --db-url or --embedded",
    help: "PostgreSQL user",
  },
  {
    name: "db-password",
    group: "Database",
    placeholder: "PASSWORD",
    type: text,
    default: null,
    note: "required with --db-user",
    isSecret: true,
    help: 'the password of that user; "" where the server asks for none',
  },
  {
    name: "db-password-file",
    group: "Database",
    placeholder: "FILE",
    type: text,
    default: null,
    help: "read it from this file, which keeps it out of `ps`",
  },
  {
    name: "db-name",
    group: "Database",
    placeholder: "NAME",
    type: text,
    default: "mycelium_cdn_registry",
    help: "database",
  },
  {
    name: "db-host",
    group: "Database",
    placeholder: "HOST",
    type: text,
    default: "localhost",
    help: "host of the PostgreSQL server",
  },
  {
    name: "db-port",
    group: "Database",
    placeholder: "PORT",
    type: portType,
    default: "5432",
    help: "port of the PostgreSQL server",
  },
  {
    name: "db-url",
    group: "Database",
    placeholder: "URL",
    type: text,
    default: null,
    isSecret: true,
    help: "postgres://user:password@host:port/name, instead of all these",
  },
  {
    name: "db-tls",
    group: "Database",
    placeholder: "MODE",
    type: { kind: "choice", choices: ["disable", "prefer", "require", "verify-full"] },
    default: "prefer",
    help: "encrypt the connection",
  },
  {
    name: "db-tls-ca",
    group: "Database",
    placeholder: "FILE",
    type: text,
    default: null,
    note: "default: the public authorities",
    help: "PEM file of the authorities that --db-tls verify-full trusts",
  },
  {
    name: "db-pool",
    group: "Database",
    placeholder: "COUNT",
    type: { kind: "integer", min: 4, max: 1000 },
    default: "8",
    help: "connections to the database in all, 4 to 1000",
  },
  {
    name: "db-connect-timeout",
    group: "Database",
    placeholder: "DURATION",
    type: { kind: "duration", msMin: 0, msMax: 600_000 },
    default: "10s",
    help: "how long to wait at the start for a database that is not up yet",
  },
  {
    name: "db-timeout",
    group: "Database",
    placeholder: "DURATION",
    type: { kind: "duration", msMin: 100, msMax: 60_000 },
    default: "5s",
    help: "deadline of one statement",
  },
  {
    name: "embedded",
    group: "Database",
    placeholder: "DIR",
    type: text,
    default: null,
    help: "no PostgreSQL: keep all in DIR/registry.sqlite, for one process",
  },
  {
    name: "host",
    group: "Server",
    placeholder: "ADDRESS",
    type: text,
    default: "::",
    help: "address to listen on; :: is every IPv6 and IPv4 address",
  },
  {
    name: "port",
    group: "Server",
    placeholder: "PORT",
    type: { kind: "integer", min: 0, max: 65_535 },
    default: "8080",
    help: "port to listen on; 0 picks a free one",
  },
  {
    name: "max-blob-size",
    group: "Limits",
    placeholder: "SIZE",
    type: { kind: "size", bytesMin: 1, bytesMax: limits.blobBytesCeiling },
    default: "64MiB",
    help: "the largest blob that is accepted, up to 1GiB",
  },
  {
    name: "cache-size",
    group: "Limits",
    placeholder: "SIZE",
    type: { kind: "size", bytesMin: 0, bytesMax: 1024 ** 4 },
    default: "256MiB",
    help: "memory for blobs that are read often; 0: none",
  },
  {
    name: "drain-delay",
    group: "Stopping",
    placeholder: "DURATION",
    type: { kind: "duration", msMin: 0, msMax: oneHourMs },
    default: "0s",
    help: "after SIGTERM, go on serving, not ready, for at least this long",
  },
  {
    name: "drain-timeout",
    group: "Stopping",
    placeholder: "DURATION",
    type: { kind: "duration", msMin: 0, msMax: oneHourMs },
    default: "10s",
    help: "how long requests under way may still take before they are cut",
  },
  {
    name: "log-level",
    group: "Logging",
    placeholder: "LEVEL",
    type: { kind: "choice", choices: ["debug", "info", "warn", "error"] },
    default: "info",
    help: "leave out lines below this level",
  },
  {
    name: "log-format",
    group: "Logging",
    placeholder: "FORMAT",
    type: { kind: "choice", choices: ["text", "json"] },
    default: null,
    note: "default: text on a terminal, else json",
    help: "lines for people or for machines",
  },
] as const satisfies readonly Flag[];

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
