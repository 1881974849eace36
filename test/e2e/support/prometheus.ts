import { mkdtempSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prometheusDirectory, readProject } from "../../support/monitoring.ts";
import { freePort } from "../../support/ports.ts";
import { eventually } from "../../support/registry.ts";

/** A series of what a query gives, with its value now. */
interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A rule as Prometheus runs it. */
interface RunningRule {
  readonly name: string;
  readonly health: "ok" | "err" | "unknown";
}

/** A Prometheus of our own, which knows our rules. */
export interface Prometheus {
  /** The value now. @throws Error with what Prometheus says of a query that it does not take */
  query(expression: string): Promise<readonly Sample[]>;
  rules(): Promise<readonly RunningRule[]>;
  stop(): Promise<void>;
}

const program = Bun.which("prometheus");

/** Whether there is a Prometheus; says so on stderr where there is none. */
export function hasPrometheus(what: string): boolean {
  if (program !== null) return true;
  process.stderr.write(`no Prometheus, so ${what} is NOT tested: apt-get install prometheus\n`);
  return false;
}

/**
 * Starts Prometheus with the configuration of deploy/prometheus, but that it looks twice a second,
 * at `target`, and keeps what it knows in a directory that ends with it.
 */
export async function startPrometheus(target: string): Promise<Prometheus> {
  const directory = mkdtempSync(join(tmpdir(), "mycelium-prometheus-"));
  const file = join(directory, "prometheus.json");
  await writeFile(file, JSON.stringify(await configurationFor(target)));
  const port = await freePort();
  const child = Bun.spawn(
    [
      program ?? "",
      `--config.file=${file}`, // JSON is YAML
      `--storage.tsdb.path=${join(directory, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--log.level=warn",
    ],
    { stdin: "ignore", stdout: "ignore", stderr: "pipe" },
  );
  const told = child.stderr.text();
  const url = `http://127.0.0.1:${port}`;

  async function ask(path: string): Promise<unknown> {
    const response = await fetch(`${url}/api/v1/${path}`);
    const { data, error } = (await response.json()) as { data: unknown; error?: string };
    if (error !== undefined) throw new Error(`${path}: ${error}`);
    return data;
  }

  await eventually(async () => {
    if (child.exitCode !== null) throw new Error(`Prometheus ended: ${await told}`);
    const answer = await fetch(`${url}/-/ready`).catch(() => null);
    return answer?.ok === true;
  });

  return {
    async query(expression) {
      const path = `query?query=${encodeURIComponent(expression)}`;
      const { resultType, result } = (await ask(path)) as QueryResult;
      if (resultType === "scalar") return [{ metric: {}, value: Number(result[1]) }];
      return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
    },
    async rules() {
      const { groups } = (await ask("rules")) as { groups: { rules: RunningRule[] }[] };
      return groups.flatMap(({ rules }) => rules);
    },
    async stop() {
      child.kill("SIGKILL");
      await child.exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

// --- internal ---

type QueryResult =
  | { readonly resultType: "scalar"; readonly result: readonly [number, string] }
  | {
      readonly resultType: "vector";
      readonly result: readonly {
        readonly metric: Readonly<Record<string, string>>;
        readonly value: readonly [number, string];
      }[];
    };

interface Configuration {
  readonly rule_files: readonly string[];
  readonly scrape_configs: readonly object[];
}

async function configurationFor(target: string) {
  const text = await readProject("deploy/prometheus/prometheus.yml");
  const shipped = Bun.YAML.parse(text) as Configuration;
  return {
    ...shipped,
    global: { scrape_interval: "500ms", scrape_timeout: "500ms", evaluation_interval: "500ms" },
    rule_files: shipped.rule_files.map((path) => join(prometheusDirectory, path)),
    scrape_configs: shipped.scrape_configs.map((job) => ({
      ...job,
      static_configs: [{ targets: [target] }],
    })),
  };
}
