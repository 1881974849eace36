import { afterAll, describe, expect, it } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig, readEnvironment, scrubEnvironment } from "../../src/ops/config.ts";
import type { FlagValues } from "../../src/ops/flags.ts";
import type { Environment } from "../../src/ops/settings.ts";

const directory = mkdtempSync(join(tmpdir(), "registry-config-"));
afterAll(() => rmSync(directory, { recursive: true }));

const login: FlagValues = { "db-user": "mycelium", "db-password": "geheim" };

function read(values: FlagValues, environment: Environment = {}) {
  return readConfig(values, environment, false);
}

/** The message of a refusal; no refusal may ever show a password. */
function refusal(values: FlagValues, environment: Environment = {}): string {
  try {
    read(values, environment);
  } catch (error) {
    expect(error).toMatchObject({ name: "UsageError" });
    const { message } = error as Error;
    expect(message).not.toContain("geheim");
    expect(message).not.toContain("\n");
    return message;
  }
  throw new Error("was not refused");
}

function passwordFile(content: string | Uint8Array): string {
  const path = join(directory, `password-${Bun.randomUUIDv7()}`);
  writeFileSync(path, content);
  return path;
}

function withFile(path: string): FlagValues {
  return { "db-user": "u", "db-password-file": path };
}

describe("the defaults", () => {
  it("are those of the administrator guide, with every connection field given", () => {
    expect(read(login)).toEqual({
      database: {
        kind: "postgres",
        user: "mycelium",
        password: "geheim",
        name: "mycelium_cdn_registry",
        host: "localhost",
        port: 5432,
        tls: "prefer",
        tlsCaFile: null,
        poolMax: 8,
        connectTimeoutMs: 10_000,
        timeoutMs: 5000,
      },
      cdnDomain: null,
      isTrustedProxy: null,
      uploadOrigins: new Set(),
      host: "::",
      hostIsDefault: true,
      port: 8080,
      https: null,
      blobBytesMax: 67_108_864,
      cacheBytesMax: 268_435_456,
      inFlightBytesMax: 268_435_456,
      readOnly: false,
      storedBytesMax: 0,
      uploadTokenFile: null,
      rates: { uploads: null, reads: null, uploadBytes: null },
      denyListFile: null,
      drainDelayMs: 0,
      drainTimeoutMs: 10_000,
      metrics: { host: "127.0.0.1", port: 9464, portIsDefault: true },
      otlp: { metricsUrl: null, intervalMs: 60_000, timeoutMs: 30_000, traces: null, warnings: [] },
      logLevel: "info",
      logFormat: "json",
      accessLog: false,
      slowRequestMs: 1000,
      typedSecrets: [],
      told: expect.objectContaining({ environment: {} }),
    });
  });

  it("log text on a terminal", () => {
    expect(readConfig(login, {}, true).logFormat).toBe("text");
  });

  it("give way to a log format that was asked for, on a terminal too", () => {
    expect(readConfig({ ...login, "log-format": "json" }, {}, true).logFormat).toBe("json");
  });
});

describe("where values come from", () => {
  it("every flag has an environment variable", () => {
    const config = read(
      {},
      {
        REGISTRY_DB_USER: "u",
        REGISTRY_DB_PASSWORD: "p",
        REGISTRY_DB_NAME: "n",
        REGISTRY_DB_HOST: "h",
        REGISTRY_DB_PORT: "1",
        REGISTRY_DB_TLS: "verify-full",
        REGISTRY_DB_TLS_CA: "/ca.pem",
        REGISTRY_DB_POOL: "4",
        REGISTRY_DB_CONNECT_TIMEOUT: "0s",
        REGISTRY_DB_TIMEOUT: "100ms",
        REGISTRY_HOST: "127.0.0.1",
        REGISTRY_PORT: "0",
        REGISTRY_TLS_CERT: "/tls.crt",
        REGISTRY_TLS_KEY: "/tls.key",
        REGISTRY_CDN_DOMAIN: "CDN.example",
        REGISTRY_TRUSTED_PROXY: "10.0.0.0/8",
        REGISTRY_UPLOAD_ORIGIN: "https://app.example",
        REGISTRY_UPLOAD_TOKEN_FILE: "/tokens",
        REGISTRY_RATE_LIMIT_UPLOADS: "5/m",
        REGISTRY_RATE_LIMIT_READS: "1000/s",
        REGISTRY_RATE_LIMIT_UPLOAD_BYTES: "10MiB/s",
        REGISTRY_MAX_BLOB_SIZE: "1GiB",
        REGISTRY_CACHE_SIZE: "1MiB",
        REGISTRY_MAX_IN_FLIGHT: "32MiB",
        REGISTRY_DRAIN_DELAY: "1h",
        REGISTRY_DRAIN_TIMEOUT: "5m",
        REGISTRY_METRICS_HOST: "[::1]",
        REGISTRY_METRICS_PORT: "0",
        OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318",
        REGISTRY_LOG_LEVEL: "debug",
        REGISTRY_LOG_FORMAT: "text",
      },
    );
    expect(config).toEqual({
      database: {
        kind: "postgres",
        user: "u",
        password: "p",
        name: "n",
        host: "h",
        port: 1,
        tls: "verify-full",
        tlsCaFile: "/ca.pem",
        poolMax: 4,
        connectTimeoutMs: 0,
        timeoutMs: 100,
      },
      cdnDomain: "cdn.example",
      isTrustedProxy: expect.any(Function),
      uploadOrigins: new Set(["https://app.example"]),
      host: "127.0.0.1",
      hostIsDefault: false,
      port: 0,
      https: { certFile: "/tls.crt", keyFile: "/tls.key", hstsSeconds: null },
      blobBytesMax: 1_073_741_824,
      cacheBytesMax: 1_048_576,
      inFlightBytesMax: 33_554_432,
      readOnly: false,
      storedBytesMax: 0,
      uploadTokenFile: "/tokens",
      rates: {
        uploads: { amount: 5, perMs: 60_000 },
        reads: { amount: 1000, perMs: 1000 },
        uploadBytes: { amount: 10_485_760, perMs: 1000 },
      },
      denyListFile: null,
      drainDelayMs: 3_600_000,
      drainTimeoutMs: 300_000,
      metrics: { host: "::1", port: 0, portIsDefault: false },
      otlp: expect.objectContaining({ metricsUrl: "http://collector:4318/v1/metrics" }),
      logLevel: "debug",
      logFormat: "text",
      accessLog: false,
      slowRequestMs: 1000,
      typedSecrets: [],
      told: expect.any(Object),
    });
  });

  it("a flag wins over its variable", () => {
    expect(read({ ...login, port: "9000" }, { REGISTRY_PORT: "9001" }).port).toBe(9000);
  });

  it("an empty variable counts as unset", () => {
    expect(read(login, { REGISTRY_PORT: "", REGISTRY_EMBEDDED: "" }).port).toBe(8080);
  });

  it("an empty flag is refused", () => {
    expect(refusal({ ...login, host: "" })).toBe(
      "--host is empty; give it a value or leave it out",
    );
  });

  it("an empty password is taken", () => {
    expect(read({ "db-user": "u", "db-password": "" }).database).toMatchObject({ password: "" });
  });

  it("an empty password wins over its variable", () => {
    const environment = { REGISTRY_DB_PASSWORD: "geheim" };
    const { database } = read({ "db-user": "u", "db-password": "" }, environment);
    expect(database).toMatchObject({ password: "" });
  });

  it("the address may be written as in a URL", () => {
    expect(read({ ...login, host: "[::1]" }).host).toBe("::1");
  });

  it("libpq's variables and database URLs have no influence", () => {
    const environment = { PGHOST: "evil", PGUSER: "evil", DATABASE_URL: "postgres://evil@evil" };
    expect(read(login, environment)).toEqual(read(login));
    expect(refusal({}, environment)).toStartWith("which database?");
  });
});

describe("bounds", () => {
  it.each([
    ["db-port", "0", "1 to 65535"],
    ["db-port", "65536", "1 to 65535"],
    ["port", "65536", "0 to 65535"],
    ["db-pool", "3", "4 to 1000"],
    ["db-pool", "1001", "4 to 1000"],
    ["db-timeout", "99ms", "100ms to 1m"],
    ["db-timeout", "61s", "100ms to 1m"],
    ["db-connect-timeout", "601s", "0s to 10m"],
    ["max-blob-size", "0", "1 to 1GiB"],
    ["max-blob-size", "1025MiB", "1 to 1GiB"],
    ["drain-delay", "3601s", "0s to 1h"],
    ["drain-timeout", "2h", "0s to 1h"],
  ] as const)("--%s %s is out of %s", (name, value, bounds) => {
    expect(refusal({ ...login, [name]: value })).toBe(
      `--${name}: "${value}" is out of bounds: ${bounds}`,
    );
  });

  it.each([
    ["db-port", "65535"],
    ["db-pool", "1000"],
    ["db-timeout", "1m"],
    ["db-connect-timeout", "10m"],
    ["max-blob-size", "1"],
    ["drain-delay", "60m"],
  ] as const)("--%s %s is just within", (name, value) => {
    expect(() => read({ ...login, [name]: value })).not.toThrow();
  });

  it("a number is only digits", () => {
    for (const port of ["http", "8080.0", "-1", "0x50", " 80", "1e3"]) {
      expect(refusal({ ...login, port })).toBe(
        `--port: "${port}" is not a whole number; write 0 to 65535`,
      );
    }
  });

  it("a refused variable is named, and so are the accepted forms", () => {
    expect(refusal(login, { REGISTRY_DB_TIMEOUT: "5" })).toBe(
      'REGISTRY_DB_TIMEOUT: "5" is not a duration; write 500ms, 10s, 5m or 1h',
    );
    expect(refusal(login, { REGISTRY_MAX_BLOB_SIZE: "1GB" })).toBe(
      'REGISTRY_MAX_BLOB_SIZE: "1GB" is not a size; write 500 (bytes), 10KiB, 64MiB or 1GiB',
    );
  });

  it("a word that is no choice is answered with the choices", () => {
    expect(refusal({ ...login, "db-tls": "verify-ca" })).toBe(
      '--db-tls: "verify-ca" is none of disable, prefer, require, verify-full',
    );
    expect(refusal({ ...login, "log-level": "constructor" })).toContain("is none of debug, info");
  });

  it("the port that Kubernetes sets for a service named registry is explained", () => {
    expect(refusal(login, { REGISTRY_PORT: "tcp://10.0.0.1:8080" })).toContain(
      "use enableServiceLinks: false",
    );
  });
});

describe("which database", () => {
  it("must be said", () => {
    expect(refusal({})).toBe(
      "which database? give --db-user and --db-password (or --db-password-file), or --db-url, " +
        "or --embedded DIR to run without PostgreSQL",
    );
  });

  it("a user needs a password", () => {
    expect(refusal({ "db-user": "u" })).toStartWith("--db-password is missing");
  });

  it("a password needs a user", () => {
    expect(refusal({ "db-password": "geheim" })).toStartWith("--db-user is missing");
  });

  it("the embedded store needs only its directory", () => {
    expect(read({ embedded: "./data", "db-timeout": "1s" }).database).toEqual({
      kind: "sqlite",
      directory: "./data",
      timeoutMs: 1000,
    });
  });

  it.each([
    "db-user",
    "db-password",
    "db-password-file",
    "db-name",
    "db-host",
    "db-port",
    "db-url",
    "db-tls",
    "db-tls-ca",
    "db-pool",
    "db-connect-timeout",
  ] as const)("the embedded store excludes --%s", (name) => {
    expect(refusal({ embedded: "./data", [name]: "geheim" })).toStartWith(
      `--embedded and --${name} exclude each other`,
    );
  });

  it("a conflict names its sources, flag or variable", () => {
    expect(refusal({ embedded: "./data" }, { REGISTRY_DB_USER: "u" })).toStartWith(
      "--embedded and REGISTRY_DB_USER exclude each other",
    );
    expect(refusal(login, { REGISTRY_EMBEDDED: "./data" })).toStartWith(
      "REGISTRY_EMBEDDED and --db-user exclude each other",
    );
  });

  it("a conflict names a password of the environment by both names: it may have been typed", () => {
    expect(refusal({ embedded: "./data" }, { REGISTRY_DB_PASSWORD: "geheim" })).toStartWith(
      "--embedded and --db-password (or REGISTRY_DB_PASSWORD) exclude each other",
    );
  });

  it("an authorities' file is only taken where it is used", () => {
    expect(refusal({ ...login, "db-tls-ca": "/ca.pem" })).toStartWith(
      "--db-tls-ca is only used with --db-tls verify-full",
    );
    const config = read({ ...login, "db-tls-ca": "/ca.pem", "db-tls": "verify-full" });
    expect(config.database).toMatchObject({ tls: "verify-full", tlsCaFile: "/ca.pem" });
  });
});

describe("--db-password-file", () => {
  it.each([
    ["geheim", "geheim"],
    ["geheim\n", "geheim"],
    ["geheim\r\n", "geheim"],
    [" geheim \n\n", " geheim \n"],
  ] as const)("holding %p gives %p", (content, password) => {
    expect(read(withFile(passwordFile(content))).database).toMatchObject({ password });
  });

  it("excludes --db-password", () => {
    expect(refusal({ ...withFile("/p"), "db-password": "geheim" })).toBe(
      "--db-password and --db-password-file exclude each other; drop one",
    );
  });

  it("that does not exist is named", () => {
    const path = join(directory, "missing");
    expect(refusal(withFile(path))).toBe(
      `--db-password-file: cannot read "${path}": ENOENT: no such file or directory`,
    );
  });

  it("that is a directory is named", () => {
    expect(refusal(withFile("/"))).toStartWith('--db-password-file: cannot read "/": EISDIR');
  });

  it("that holds nothing, or what cannot be a password, is refused", () => {
    expect(refusal(withFile(passwordFile("\n")))).toContain("is empty; write the password into it");
    expect(refusal(withFile(passwordFile("geheim\0")))).toContain("holds a zero byte");
    expect(refusal(withFile(passwordFile(Uint8Array.of(0xff))))).toContain("not UTF-8");
  });
});

describe("scrubEnvironment", () => {
  it("removes libpq's variables, database URLs and the registry's secrets, nothing else", () => {
    const gone = [
      "PGHOST",
      "PGPASSWORD",
      "PGURL",
      "PG_URL",
      "DATABASE_URL",
      "TLS_DATABASE_URL",
      "POSTGRES_URL",
      "TLS_POSTGRES_DATABASE_URL",
      "MYSQL_URL",
      "TLS_MARIADB_DATABASE_URL",
      "SQLITE_URL",
      "REGISTRY_DB_PASSWORD",
      "REGISTRY_DB_URL",
    ];
    const kept = ["REGISTRY_DB_USER", "MY_DATABASE_URL_2", "UPGRADE"];
    const environment = readEnvironment() as Record<string, string | undefined>;
    for (const name of [...gone, ...kept]) environment[name] = "x";
    scrubEnvironment();
    expect([...gone, ...kept].filter((name) => name in environment)).toEqual(kept);
    for (const name of kept) delete environment[name];
  });
});
