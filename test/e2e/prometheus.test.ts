import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import {
  documentedQueries,
  queriesOf,
  readDashboard,
  readRules,
  selectorsIn,
} from "../support/monitoring.ts";
import { freePort } from "../support/ports.ts";
import { eventually } from "../support/registry.ts";
import { anyPort, createBinaryHome, type BinaryHome } from "./support/binary.ts";
import { mebibyte, randomBlob, upload } from "./support/blobs.ts";
import type { Registry } from "./support/observation.ts";
import { hasPrometheus, startPrometheus, type Prometheus } from "./support/prometheus.ts";

/** What Grafana would put there, for one that looks twice a second. */
const variables: Readonly<Record<string, string>> = {
  $job: "registry",
  $instance: "127.0.0.1:[0-9]+",
  $__rate_interval: "5s",
};

describe.skipIf(!hasPrometheus("what it makes of the metrics"))("a real Prometheus", () => {
  let home: BinaryHome;
  let registry: Registry;
  let prometheus: Prometheus;
  let user: Promise<void>;
  let isUsed = true;

  beforeAll(async () => {
    home = createBinaryHome();
    ({ registry, prometheus } = await startBoth());
    user = useWhile(registry.api(), () => isUsed);
  });

  afterAll(async () => {
    isUsed = false;
    await user;
    await prometheus.stop();
    await home.remove();
  });

  /** A registry, and who looks at it. */
  async function startBoth(): Promise<{ registry: Registry; prometheus: Prometheus }> {
    const port = await freePort();
    const store = ["--embedded", home.newDirectory(), "--max-stored-bytes", "100GiB"];
    return {
      registry: await home.start([...anyPort, ...store, "--metrics-port", `${port}`]),
      prometheus: await startPrometheus(`127.0.0.1:${port}`),
    };
  }

  /** Those that give nothing, or only what is no number. */
  async function emptyAmong(queries: readonly string[]): Promise<string[]> {
    const found = await Promise.all(queries.map(async (query) => await prometheus.query(query)));
    return queries.filter((_, index) => !found[index]?.some(({ value }) => !Number.isNaN(value)));
  }

  /** Those that still do after half a minute: whoever reads of it must know which ones. */
  async function emptyForLong(queries: readonly string[]): Promise<readonly string[]> {
    let empty = queries;
    for (let look = 0; look < 60 && empty.length > 0; look += 1) {
      await Bun.sleep(500);
      empty = await emptyAmong(queries);
    }
    return empty;
  }

  it("finds something for every query of the dashboard", async () => {
    const queries = queriesOf(await readDashboard()).map(withValues);
    expect(queries.length).toBeGreaterThan(50);
    expect(await emptyForLong(queries.filter((query) => !ofHttps.test(query)))).toEqual([]);
  });

  it("takes every rule, records what it is to, and takes every query of the runbook", async () => {
    const recording = await readRules("recording");
    const alerts = await readRules("alerts");
    const rules = [...recording, ...alerts].map(({ expr }) => expr);
    for (const query of [...rules, ...(await documentedQueries())]) await prometheus.query(query);
    const names = recording.map(({ record = "" }) => record);
    expect(await emptyForLong(names)).toEqual([]);
    const running = await prometheus.rules();
    expect(running.filter(({ health }) => health !== "ok")).toEqual([]);
    expect(running).toHaveLength(recording.length + alerts.length);
  });

  it("has all that the rules select, but for what only failures bring", async () => {
    const rules = [...(await readRules("recording")), ...(await readRules("alerts"))];
    const selectors = rules.flatMap(({ expr }) => selectorsIn(expr.replaceAll(/\[\w+\]/g, "")));
    const ofFailures = /_code=~"5\.\."|error_type/;
    const usual = [...new Set(selectors)].filter(
      (selector) => !ofFailures.test(selector) && !ofHttps.test(selector),
    );
    expect(usual.length).toBeGreaterThan(25);
    expect(await emptyForLong(usual)).toEqual([]);
  });

  it("sees no reason for an alert in a registry that is well", async () => {
    expect(await prometheus.query('ALERTS{alertstate="firing"}')).toEqual([]);
    const [failures] = await prometheus.query("job:registry_failures:ratio_rate5m");
    expect(failures?.value).toBe(0);
  });

  it("sees one when the registry has gone", async () => {
    const both = await startBoth();
    const count = async (query: string) => (await both.prometheus.query(query)).length;
    await eventually(async () => (await count("up == 1")) === 1);
    await both.registry.kill();
    const pending = 'ALERTS{alertname="RegistryDown", alertstate="pending"}';
    await eventually(async () => (await count(pending)) === 1);
    await both.prometheus.stop();
  });
});

/** What this registry does not have: `tls.test.ts` asks another one for it. */
const ofHttps = /registry_tls_/;

function withValues(query: string): string {
  return query.replaceAll(/\$\w+/g, (name) => variables[name] ?? name);
}

/** Does everything that a registry is for, and what it refuses, again and again. */
async function useWhile(api: string, isGoingOn: () => boolean): Promise<void> {
  while (isGoingOn()) {
    await upload(api, randomBlob(3 * mebibyte)).then(async ({ hash }) => await get(api, hash));
    const { hash, bytes } = await upload(api, randomBlob(2000));
    await upload(api, bytes);
    await get(api, hash, { method: "HEAD" }); // before it is cached
    for (let n = 0; n < 5; n += 1) await get(api, hash);
    await get(api, hash, { headers: { "If-None-Match": `"${hash}"` } });
    await get(api, hash, { headers: { Range: "bytes=0-9" } });
    await get(api, "0".repeat(64));
    await get(api, "short");
    await get(api, "0".repeat(64), { method: "PUT", body: bytes });
    const hashes = JSON.stringify({ hashes: [hash, "0".repeat(64)] });
    await get(api, "exists", {
      method: "POST",
      body: hashes,
      headers: { "Content-Type": "application/json" },
    });
    await fetch(api, { method: "POST", body: "no form" });
    await fetch(new URL("/readyz", api));
    await Bun.sleep(50);
  }
}

async function get(api: string, name: string, options: RequestInit = {}): Promise<void> {
  await (await fetch(`${api}/${name}`, options)).bytes();
}
