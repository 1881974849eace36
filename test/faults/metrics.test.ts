import { afterEach, describe, expect, it } from "bun:test";
import { rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { uploaderBody } from "../support/form.ts";
import { startOtlpReceiver, type OtlpReceiver } from "../support/otlp-receiver.ts";
import { sharedPostgres } from "../support/postgres.ts";
import { eventually, temporaryDirectory } from "../support/registry.ts";
import { startRegistryProcess, type RegistryProcess } from "../support/registry-process.ts";
import { freePort } from "../support/ports.ts";

const clearing: (() => unknown)[] = [];
afterEach(async () => {
  for (const clear of clearing.splice(0).toReversed()) await clear();
});

function start(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): RegistryProcess {
  const directory = temporaryDirectory();
  const where = args.some((word) => word.startsWith("--db-")) ? [] : ["--embedded", directory];
  const registry = startRegistryProcess(["serve", ...where, ...args], { environment });
  clearing.push(async () => {
    await registry.kill();
    rmSync(directory, { recursive: true });
  });
  return registry;
}

function receive(answer?: () => Response | Promise<Response>): OtlpReceiver {
  const receiver = startOtlpReceiver(answer);
  clearing.push(() => receiver.stop());
  return receiver;
}

/** Takes connections, reads nothing and says nothing. */
async function startSilent(): Promise<{
  readonly port: number;
  readonly connected: Promise<void>;
}> {
  const { promise: connected, resolve } = Promise.withResolvers<void>();
  const server: Server = createServer((socket) => {
    socket.pause();
    resolve();
  });
  server.listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  clearing.push(() => server.close());
  const address = server.address();
  return { port: typeof address === "object" ? (address?.port ?? 0) : 0, connected };
}

async function upload(api: string): Promise<Response> {
  const { contentType, body } = uploaderBody(crypto.getRandomValues(new Uint8Array(100)));
  return await fetch(api, { method: "POST", body, headers: { "Content-Type": contentType } });
}

const warningsOf = ({ lines }: RegistryProcess) => lines.filter(({ level }) => level === "warn");

describe("the metrics of a process", () => {
  it("are where its log says, and hold no secret of its database", async () => {
    const database = await (await sharedPostgres()).createDatabase();
    clearing.push(() => database.drop());
    const { user, password, name, host, port } = database;
    const url = `postgres://${user}:${password}@${host}:${port}/${name}`;
    const environment = {
      REGISTRY_DB_URL: url,
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=geheim",
      OTEL_RESOURCE_ATTRIBUTES: "deployment=geheim",
    };
    const metricsPort = String(await freePort());
    const registry = start(["--db-timeout", "5s", "--metrics-port", metricsPort], environment);
    const { api } = await registry.listening;
    expect((await upload(api)).status).toBe(200);
    const line = await registry.message("listening");
    expect(line["metrics"]).toBe(`http://127.0.0.1:${metricsPort}/metrics`);
    const text = await (await fetch(String(line["metrics"]))).text();
    expect(text).toContain("registry_blobs_stored_total 1\n");
    expect(text).toContain('store="postgres"');
    for (const secret of [password, url, "geheim"]) expect(text).not.toContain(secret);
    expect(await (await fetch(`${api.replace(/\/api.*/, "")}/metrics`)).text()).not.toContain(
      "registry_blobs",
    );
  });

  it("are a reason not to start where their port is asked for and taken", async () => {
    const other = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
    clearing.push(() => other.stop(true));
    const registry = start(["--metrics-port", String(other.port)]);
    registry.listening.catch(() => {});
    expect(await registry.exited).toBe(1);
    expect(registry.errorText()).toBe(
      `registry: the metrics port is in use (127.0.0.1:${other.port}); ` +
        "choose another with --metrics-port, or 0 for none\n",
    );
  });
});

describe("a process that pushes its metrics", () => {
  it("says who it is as variables have it, and what it did at its end", async () => {
    const receiver = receive();
    const registry = start([], {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_HEADERS: "x-tenant=mycelium",
      OTEL_SERVICE_NAME: "blobs",
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test",
    });
    const { api } = await registry.listening;
    expect((await upload(api)).status).toBe(200);
    registry.signal("SIGTERM");
    expect(await registry.exited).toBe(0);
    const latest = receiver.exports.findLast(({ path }) => path === "/v1/metrics");
    expect(latest?.resource).toMatchObject({
      "service.name": "blobs",
      "deployment.environment.name": "test",
    });
    expect(latest?.headers.get("x-tenant")).toBe("mycelium");
    const stored = latest?.metrics.find(({ name }) => name === "registry.blobs.stored");
    expect(stored?.points).toEqual([{ attributes: {}, value: 1 }]);
    expect(warningsOf(registry)).toEqual([]);
  });

  it("pushes nothing where it is told so", async () => {
    const receiver = receive();
    const environment = {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_METRIC_EXPORT_INTERVAL: "20",
      OTEL_SDK_DISABLED: "true",
    };
    const registry = start([], environment);
    await registry.listening;
    registry.signal("SIGTERM");
    expect(await registry.exited).toBe(0);
    expect(receiver.exports).toEqual([]);
  });

  it("serves, warns once and stops as ever when nobody listens there", async () => {
    const registry = start([], {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}`,
      OTEL_METRIC_EXPORT_INTERVAL: "50",
      OTEL_TRACES_EXPORTER: "none", // which has a warning of its own
    });
    const { api } = await registry.listening;
    await registry.line(({ level }) => level === "warn");
    for (let n = 0; n < 20; n += 1) expect((await upload(api)).status).toBe(200);
    registry.signal("SIGTERM");
    expect(await registry.exited).toBe(0);
    expect(warningsOf(registry)).toMatchObject([
      { message: "metrics could not be pushed; trying again" },
    ]);
  });

  it("serves and stops when the receiver hangs, and shows what is scraped", async () => {
    const silent = await startSilent();
    const metricsPort = await freePort();
    const registry = start(["--metrics-port", String(metricsPort)], {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${silent.port}`,
      OTEL_METRIC_EXPORT_INTERVAL: "50",
    });
    const { api } = await registry.listening;
    await silent.connected;
    for (let n = 0; n < 20; n += 1) expect((await upload(api)).status).toBe(200);
    await eventually(async () => {
      const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
      return text.includes("registry_blobs_stored_total 20\n");
    });
    registry.signal("SIGTERM");
    expect(await registry.exited).toBe(0);
  });

  it("warns of a wish that it cannot fulfil, and serves", async () => {
    const registry = start([], {
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4317",
      OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
    });
    await registry.listening;
    const line = await registry.line(({ level }) => level === "warn");
    expect(line["message"]).toStartWith("metrics are not pushed: OTEL_EXPORTER_OTLP_PROTOCOL");
  });
});
