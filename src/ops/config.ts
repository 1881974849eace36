import type { Rates } from "../http/guards/rate-limits.ts";
import { flags, toVariable, type FlagValues } from "./flags.ts";
import { readHostConfig, type HostConfig } from "./host-config.ts";
import { readHttpsConfig, type HttpsConfig } from "./https-config.ts";
import { readOtlpConfig, type OtlpConfig } from "./otlp-config.ts";
import { readPostgresConfig, type PostgresConfig } from "./postgres-config.ts";
import { createSettings, type Environment, type Settings } from "./settings.ts";
import { tellSettings, type ToldSettings } from "./told-settings.ts";
import { UsageError } from "./usage-error.ts";

/** A store in one directory of this machine, without a database server. */
interface SqliteConfig {
  readonly kind: "sqlite";
  readonly directory: string;
  /** Whether a registry may use it meanwhile; left out: no. */
  readonly isShared?: boolean;
  readonly timeoutMs: number;
}

/** Where metrics are scraped. */
interface MetricsConfig {
  readonly host: string;
  /** 0: nowhere. */
  readonly port: number;
  /** Nobody asked for that port: where it is taken, the registry goes on without. */
  readonly portIsDefault: boolean;
}

/** Everything an operator decides, checked. */
export interface Config extends HostConfig {
  readonly database: PostgresConfig | SqliteConfig;
  readonly host: string;
  /** Nobody asked for `host`: where there is no IPv6, another address may be taken. */
  readonly hostIsDefault: boolean;
  /** 0: any free port. */
  readonly port: number;
  /** Null: plain HTTP. */
  readonly https: HttpsConfig | null;
  readonly blobBytesMax: number;
  /** 0: no cache. */
  readonly cacheBytesMax: number;
  /** What all requests under way may hold of memory together. */
  readonly inFlightBytesMax: number;
  /** No upload is taken, and nothing written to the database. */
  readonly readOnly: boolean;
  /** Beyond so much in the database no upload is taken; 0: no bound. */
  readonly storedBytesMax: number;
  /** The file with the tokens that may upload; null: everybody may. */
  readonly uploadTokenFile: string | null;
  /** How much one client may ask for. */
  readonly rates: Rates;
  /** The file that names keys to be denied; null: there is none. */
  readonly denyListFile: string | null;
  readonly drainDelayMs: number;
  readonly drainTimeoutMs: number;
  readonly metrics: MetricsConfig;
  readonly otlp: OtlpConfig;
  readonly logLevel: "debug" | "info" | "warn" | "error";
  readonly logFormat: "text" | "json";
  readonly accessLog: boolean;
  /** 0: none is called slow. */
  readonly slowRequestMs: number;
  /** Secrets that stood on the command line, by flag. */
  readonly typedSecrets: readonly string[];
  /** The same as it was given, for the log; without secrets. */
  readonly told: ToldSettings;
}

/** Variables by which Bun's SQL client would connect elsewhere or otherwise than it is told. */
const foreignVariable =
  /^PG|^(TLS_)?((POSTGRES|MYSQL|MARIADB)_)?DATABASE_URL$|^(POSTGRES|MYSQL|MARIADB|SQLITE)_URL$/;

/** By which a registry that hides a secret tells itself that it has (cli/hide-password.ts). */
export const typedSecretsVariable = "REGISTRY_TYPED_SECRETS";

/** The environment of this process. Nobody else reads it. */
export function readEnvironment(): Environment {
  return Bun.env;
}

/**
 * Removes from this process's environment, and so from its children's, what must not have any
 * influence (libpq's variables, database URLs) and the secrets, once they have been read.
 */
export function scrubEnvironment(): void {
  const secrets = new Set([typedSecretsVariable]);
  for (const flag of flags) if ("isSecret" in flag) secrets.add(toVariable(flag.name));
  for (const name of Object.keys(Bun.env)) {
    if (foreignVariable.test(name) || secrets.has(name)) delete Bun.env[name];
  }
}

/**
 * Makes the configuration out of what was typed and of the environment: a flag wins over its
 * variable, an empty variable counts as unset.
 * @param isTerminal whether the log goes to a person
 * @throws UsageError naming the flag or variable and what to do; never with a password in it
 */
export function readConfig(
  values: FlagValues,
  environment: Environment,
  isTerminal: boolean = process.stdout.isTTY,
): Config {
  const settings = createSettings(values, environment);
  return {
    database: readDatabase(settings),
    ...readHostConfig(settings),
    host: readHost(settings, "host"),
    hostIsDefault: settings.sourceOf("host") === null,
    port: settings.number("port"),
    https: readHttpsConfig(settings),
    blobBytesMax: settings.number("max-blob-size"),
    cacheBytesMax: settings.number("cache-size"),
    inFlightBytesMax: settings.number("max-in-flight"),
    readOnly: settings.isOn("read-only"),
    storedBytesMax: settings.number("max-stored-bytes"),
    uploadTokenFile: settings.text("upload-token-file"),
    rates: {
      uploads: settings.rate("rate-limit-uploads"),
      reads: settings.rate("rate-limit-reads"),
      uploadBytes: settings.rate("rate-limit-upload-bytes"),
    },
    denyListFile: settings.text("deny-list"),
    drainDelayMs: settings.number("drain-delay"),
    drainTimeoutMs: settings.number("drain-timeout"),
    metrics: {
      host: readHost(settings, "metrics-host"),
      port: settings.number("metrics-port"),
      portIsDefault: settings.sourceOf("metrics-port") === null,
    },
    otlp: readOtlpConfig(environment),
    logLevel: settings.choice("log-level") ?? "info",
    logFormat: settings.choice("log-format") ?? (isTerminal ? "text" : "json"),
    accessLog: settings.isOn("access-log"),
    slowRequestMs: settings.number("slow-request"),
    typedSecrets: environment[typedSecretsVariable]?.split(" ") ?? [],
    told: tellSettings(settings),
  };
}

// --- internal ---

/** An address as it is, or as a URL has it. */
function readHost(settings: Settings, name: "host" | "metrics-host"): string {
  return (settings.text(name) ?? "").replace(/^\[(.*)\]$/, "$1");
}

function readDatabase(settings: Settings): Config["database"] {
  const embedded = settings.sourceOf("embedded");
  if (embedded === null) return readPostgresConfig(settings);
  for (const { name, group } of flags) {
    if (group !== "Database" || name === "embedded" || name === "db-timeout") continue;
    const other = settings.sourceOf(name);
    if (other === null) continue;
    throw new UsageError(
      `${embedded} and ${other} exclude each other: the embedded store is no PostgreSQL; drop one`,
    );
  }
  const directory = settings.text("embedded") ?? "";
  return { kind: "sqlite", directory, timeoutMs: settings.number("db-timeout") };
}
