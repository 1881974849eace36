import { afterAll, afterEach, beforeAll, describe, expect, it } from "bun:test";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hasOpenssl, makeCertificates, type Certificates } from "../support/certificates.ts";
import { startOtlpReceiver, type OtlpReceiver } from "../support/otlp-receiver.ts";
import { freePort } from "../support/ports.ts";
import { sharedPostgres, type PostgresServer, type TestDatabase } from "../support/postgres.ts";
import { postOf } from "../support/raw-upload.ts";
import { eventually } from "../support/registry.ts";
import { anyPort, createBinaryHome, type BinaryHome } from "./support/binary.ts";
import { randomBlob } from "./support/blobs.ts";
import type { Registry } from "./support/observation.ts";

/** Planted by clients and operators; the password is that of the database. */
const planted = {
  token: "planted-token-of-alice-1",
  expiredToken: "planted-token-of-carol-2",
  strangeToken: "planted-token-of-nobody-3",
  urlToken: "planted-token-in-a-url-4",
  cookie: "planted-cookie-5",
  basic: btoa("user:planted-basic-6"),
  collectorKey: "planted-collector-key-7",
};

let home: BinaryHome;
let server: PostgresServer;
let receiver: OtlpReceiver;
let tls: Certificates;
beforeAll(async () => {
  home = createBinaryHome();
  server = await sharedPostgres();
  if (hasOpenssl()) tls = makeCertificates("DNS:localhost");
});
afterAll(async () => {
  await home.remove();
  if (hasOpenssl()) tls.remove();
});

let database: TestDatabase;
let registry: Registry | null = null;
afterEach(async () => {
  await registry?.kill("SIGKILL");
  await receiver.stop();
  registry = null;
});

const fieldFlags = ({ user, name, host, port }: TestDatabase): string[] =>
  ["--db-user", user, "--db-name", name, "--db-host", host, "--db-port", String(port)].concat(
    "--db-connect-timeout",
    "0s",
  );

const urlOf = ({ user, password, host, port, name }: TestDatabase): string =>
  `postgres://${user}:${password}@${host}:${port}/${name}`;

async function fileOf(name: string, text: string): Promise<string> {
  const directory = home.newDirectory();
  await Bun.write(join(directory, name), text);
  return join(directory, name);
}

interface Way {
  readonly name: string;
  readonly flags: (from: TestDatabase) => string[] | Promise<string[]>;
  readonly environment?: (from: TestDatabase) => Record<string, string>;
  /** Whether /proc/PID/environ, which nobody can change, has the password. */
  readonly isInEnvironment: boolean;
}

const ways: readonly Way[] = [
  {
    name: "--db-password",
    flags: (from) => [...fieldFlags(from), "--db-password", from.password],
    isInEnvironment: true,
  },
  { name: "--db-url", flags: (from) => ["--db-url", urlOf(from)], isInEnvironment: true },
  {
    name: "--db-password-file",
    flags: async (from) => [
      ...fieldFlags(from),
      "--db-password-file",
      await fileOf("password", from.password),
    ],
    isInEnvironment: false,
  },
  {
    name: "REGISTRY_DB_PASSWORD",
    flags: fieldFlags,
    environment: ({ password }) => ({ REGISTRY_DB_PASSWORD: password }),
    isInEnvironment: true,
  },
  {
    name: "REGISTRY_DB_URL",
    flags: () => [],
    environment: (from) => ({ REGISTRY_DB_URL: urlOf(from) }),
    isInEnvironment: true,
  },
  { name: "a credential", flags: fieldFlags, isInEnvironment: false },
];

let metrics = "";
/** Where the registry's certificate, its key and a credential are. */
let files = "";

async function start(way: Way, format: string): Promise<Registry> {
  database = await server.createDatabase();
  receiver = startOtlpReceiver();
  const { token, expiredToken } = planted;
  const tokens = await fileOf("tokens", `${token} alice\n${expiredToken} 2020-01-01T00:00:00Z\n`);
  const metricsPort = await freePort();
  metrics = `http://127.0.0.1:${metricsPort}`;
  files = join(await fileOf("db-password", `${database.password}\n`), "..");
  const [cert, key] = [join(files, "tls-cert"), join(files, "tls-key")];
  copyFileSync(tls.certFile, cert);
  copyFileSync(tls.keyFile, key);
  const isCredential = way.name === "a credential";
  const https = isCredential ? [] : ["--tls-cert", cert, "--tls-key", key];
  const logging = ["--log-level", "debug", "--log-format", format, "--access-log"];
  const flags = [...anyPort, ...logging, ...https, "--upload-token-file", tokens];
  registry = home.launch([...flags, ...(await way.flags(database))], {
    environment: {
      REGISTRY_METRICS_PORT: String(metricsPort),
      REGISTRY_SLOW_REQUEST: "1ms",
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_HEADERS: `x-api-key=${planted.collectorKey}`,
      OTEL_BSP_SCHEDULE_DELAY: "50",
      OTEL_METRIC_EXPORT_INTERVAL: "200",
      ...(isCredential ? { CREDENTIALS_DIRECTORY: files } : {}),
      ...way.environment?.(database),
    },
  });
  const { stdout, ended } = registry;
  let hasEnded = false;
  void ended.then(() => (hasEnded = true));
  await eventually(() => hasEnded || /\blistening\b.*\burl\b/.test(stdout()));
  expect(hasEnded).toBe(false);
  return registry;
}

const apiOf = ({ stdout }: Registry): string => {
  const [, port] = /"?url"?[=:]"?https:\/\/\[?[^\]]*\]?:(\d+)/.exec(stdout()) ?? [];
  return `https://localhost:${port}/api/v1/metadata`;
};

/** Requests of every kind that has something to tell; gives all that came back. */
async function ask(api: string): Promise<string[]> {
  const upload = postOf(randomBlob(100));
  const type = { "Content-Type": upload.fields[0]?.replace("Content-Type: ", "") ?? "" };
  const said: string[] = [];
  async function send(url: string, init: RequestInit): Promise<number> {
    const response = await fetch(url, { ...init, tls: { ca: tls.ca } });
    said.push(JSON.stringify([...response.headers]), await response.text());
    return response.status;
  }
  const post = async (authorization: string, url = api, body = upload.body): Promise<number> =>
    await send(url, { method: "POST", body, headers: { ...type, Authorization: authorization } });
  const { token, expiredToken, strangeToken, urlToken, cookie, basic } = planted;
  expect(await post(`Bearer ${token}`)).toBe(200);
  expect(await post(`Bearer ${token}`, api, upload.body.subarray(0, 50))).toBe(400);
  expect(await post(`Bearer ${token}`, `${api}/exists`)).toBe(415);
  for (const bad of [`Bearer ${expiredToken}`, `Bearer ${strangeToken}`, `Basic ${basic}`]) {
    expect(await post(bad)).toBe(401);
  }
  expect(await post("", `${api}?access_token=${urlToken}`)).toBe(401);
  const headers = { Cookie: cookie, "User-Agent": `x (Bearer ${strangeToken})` };
  for (const path of ["/xyz", `/${"0".repeat(64)}?token=${urlToken}`]) {
    await send(`${api}${path}`, { headers: { ...headers, Authorization: `Bearer ${token}` } });
  }
  await send(`${api.replace(/\/api.*/, "")}/readyz`, { headers });
  return said;
}

/** Has the registry read a key that is half written. */
async function breakKey({ pid, stdout }: Registry): Promise<void> {
  writeFileSync(join(files, "tls-key"), readFileSync(tls.keyFile).subarray(0, -40));
  process.kill(pid, "SIGHUP");
  await eventually(() => stdout().includes("the certificate cannot be renewed"));
}

/** Has the database refuse everybody, so that what the driver says is logged. */
async function lockOut({ user, name }: TestDatabase): Promise<void> {
  await server.query(`ALTER ROLE ${user} NOLOGIN`, name);
  await server.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${user}'`,
  );
}

/** Which of the secrets are in a text. */
function secretsIn(text: string): string[] {
  // Of the key the second line: the first begins as that of every key of its kind.
  const [, , key = ""] = readFileSync(tls.keyFile, "utf8").split("\n");
  const secrets = { ...planted, password: database.password, key };
  return Object.entries(secrets).flatMap(([name, secret]) => (text.includes(secret) ? [name] : []));
}

const readProcess = ({ pid }: Registry, name: string): string =>
  readFileSync(`/proc/${pid}/${name}`, "utf8");

const rows = ways.flatMap((way, index) => {
  const formats = index < 2 ? ["json", "text"] : [index % 2 === 0 ? "json" : "text"];
  return formats.map((format) => [way.name, format, way] as const);
});

describe.skipIf(!hasOpenssl())("secrets", () => {
  it.each(rows)("given by %s show nowhere, the log being %s", async (_, format, way) => {
    const running = await start(way, format);
    const api = apiOf(running);
    const said = await ask(api);
    for (const path of ["/metrics", "/status", "/status/data"]) {
      const response = await fetch(metrics + path);
      expect(response.status).toBe(200);
      said.push(await response.text());
    }
    await eventually(() => receiver.spans().some(({ kind }) => kind === "server"));
    await breakKey(running);
    await lockOut(database);
    await ask(api).catch(() => {}); // some of it is answered otherwise now
    await eventually(() => running.stdout().includes("request failed"));
    expect(receiver.exports[0]?.headers.get("x-api-key")).toBe(planted.collectorKey);
    const exported = receiver.exports.map(({ path, resource, metrics: pushed, spans }) => [
      path,
      resource,
      pushed,
      spans,
    ]);

    expect(secretsIn(readProcess(running, "cmdline"))).toEqual([]);
    const environ = secretsIn(readProcess(running, "environ"));
    const beside = way.isInEnvironment ? ["password"] : [];
    expect(environ).toEqual(["collectorKey", ...beside]);
    expect(secretsIn(said.join("\n"))).toEqual([]);
    expect(secretsIn(JSON.stringify(exported))).toEqual([]);

    running.kill("SIGABRT").catch(() => {}); // Bun tells then how it was started
    await running.ended;
    expect(running.stderr()).toContain("Args: ");
    expect(secretsIn(running.stderr())).toEqual([]);
    expect(secretsIn(running.stdout())).toEqual([]);
    const told = running.stdout().includes("stood on the command line");
    expect(told).toBe(way.name.startsWith("--db") && way.name !== "--db-password-file");
    await database.drop();
  });

  it("are not told by a failure that nobody caught", async () => {
    const script = await fileOf(
      "fail.ts",
      `const error = new Error("connect postgres://u:planted-basic-6@h failed: Bearer " +
        "${planted.strangeToken}");
      Object.assign(error, { password: "${planted.cookie}", options: { secret: 7 } });
      setTimeout(() => void Promise.reject(error), 700);`,
    );
    receiver = startOtlpReceiver();
    const failing = home.launch(["--embedded", home.newDirectory(), ...anyPort], {
      environment: { BUN_OPTIONS: `--preload ${script}` },
    });
    expect(await failing.ended).toBe(1);
    expect(failing.stdout()).toContain("a failure that nobody caught");
    const all = failing.stdout() + failing.stderr();
    for (const secret of ["planted-basic-6", planted.strangeToken, planted.cookie]) {
      expect(all).not.toContain(secret);
    }
  });

  it("are in no help and no message of a start that failed", async () => {
    database = await server.createDatabase();
    receiver = startOtlpReceiver();
    await lockOut(database);
    const environment = { REGISTRY_DB_PASSWORD: database.password };
    for (const words of [["--help"], ["help", "put"], fieldFlags(database), ["--db-user"]]) {
      const { stdout, stderr } = await home.run([...words], { environment });
      expect(secretsIn(stdout + stderr)).toEqual([]);
    }
    const wrong = await fileOf("tokens", `${planted.token} alice\n${planted.strangeToken} !\n`);
    const words = ["--embedded", home.newDirectory(), "--upload-token-file", wrong];
    const { exitCode, stdout, stderr } = await home.run(words);
    expect([exitCode, secretsIn(stdout + stderr)]).toEqual([1, []]);
    await database.drop();
  });
});
