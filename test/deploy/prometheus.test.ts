import { describe, expect, it } from "bun:test";
import {
  documentedLabels,
  documentedMetrics,
  documentedQueries,
  familyOf,
  labelsIn,
  metricsIn,
  prometheusDirectory,
  readProject,
  readRules,
} from "../support/monitoring.ts";

interface RuleTests {
  readonly tests: readonly {
    readonly alert_rule_test?: readonly {
      readonly eval_time: string;
      readonly alertname: string;
      readonly exp_alerts: readonly unknown[];
    }[];
  }[];
}

const promtool = Bun.which("promtool");
if (promtool === null) {
  process.stderr.write("no promtool, so rules are NOT checked: apt-get install prometheus\n");
}
const recording = await readRules("recording");
const alerts = await readRules("alerts");
const alertNames = alerts.map(({ alert = "" }) => alert);
const testFiles = [...new Bun.Glob("*.yml").scanSync(`${prometheusDirectory}/tests`)].toSorted();

/** What promtool says of files; null where it is content. */
async function complaintOf(...words: readonly string[]): Promise<string | null> {
  const child = Bun.spawn([promtool ?? "", ...words], {
    cwd: prometheusDirectory,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return (await child.exited) === 0 ? null : out + err;
}

describe.skipIf(promtool === null)("promtool", () => {
  it("finds nothing wrong with the configuration and the rules", async () => {
    expect(await complaintOf("check", "config", "prometheus.yml")).toBeNull();
    const strict = ["--lint=all", "--lint-fatal"];
    const rules = ["rules/recording.yml", "rules/alerts.yml"];
    expect(await complaintOf("check", "rules", ...strict, ...rules)).toBeNull();
  });

  // A day of every rule, minute by minute, is work.
  it.each(testFiles)(
    "sees alerts fire, and keep silent, as tests/%s tells",
    async (file) => {
      expect(await complaintOf("test", "rules", `tests/${file}`)).toBeNull();
    },
    240_000,
  );
});

describe("the alerts", () => {
  const cases = testFiles.map(async (file) => {
    const text = await readProject(`deploy/prometheus/tests/${file}`);
    return (Bun.YAML.parse(text) as RuleTests).tests;
  });

  it("have a case each in which they fire, and one in which they do not", async () => {
    const checks = (await Promise.all(cases)).flat().flatMap((test) => test.alert_rule_test ?? []);
    const namesOf = (isFiring: boolean): string[] => [
      ...new Set(
        checks
          .filter(({ exp_alerts: expected }) => expected.length > 0 === isFiring)
          .map(({ alertname }) => alertname),
      ),
    ];
    expect(namesOf(true).toSorted()).toEqual(alertNames.toSorted());
    expect(namesOf(false).toSorted()).toEqual(alertNames.toSorted());
  });

  it("have a severity, and say what is wrong and where to read on", () => {
    for (const { alert = "", labels, annotations } of alerts) {
      expect(["critical", "warning", "info"]).toContain(labels?.["severity"] ?? "");
      expect(annotations).toEqual({
        summary: expect.stringMatching(/^\S.*[^.]$/),
        description: expect.stringMatching(/^\S[^]*\.\n?$/),
        runbook: `docs/observability.md#${alert.toLowerCase()}`,
      });
    }
  });

  it("have a heading each in the runbook, in their order, and it has no other", async () => {
    const page = await readProject("docs/observability.md");
    const [, runbook = ""] = page.split("\n## Runbook\n");
    const [section = ""] = runbook.split(/\n## /);
    const headings = Array.from(section.matchAll(/^### (\S+)$/gm), ([, name = ""]) => name);
    expect(headings).toEqual(alertNames);
    for (const name of headings) {
      const [, text = ""] = section.split(`### ${name}\n`);
      const [entry = ""] = text.split("\n### ");
      const parts = Array.from(entry.matchAll(/^- \*\*(.+?)\*\*:/gm), ([, part]) => part);
      expect([name, ...parts]).toEqual([name, "means", "confirm", "causes", "do"]);
    }
  });
});

describe("the rules", () => {
  it("ask, as the runbook does, for metrics that are told, and for what they record", async () => {
    const known = new Set([
      ...(await documentedMetrics()),
      ...recording.map(({ record = "" }) => record),
      "up",
    ]);
    const rules = [...recording, ...alerts].map(({ expr }) => expr);
    const asked = [...rules, ...(await documentedQueries())].flatMap((expr) => [
      ...metricsIn(expr),
    ]);
    expect(asked.length).toBeGreaterThan(100);
    expect(asked.filter((name) => !known.has(familyOf(name, known)))).toEqual([]);
  });

  it("ask for labels that there are", async () => {
    const known = await documentedLabels();
    const rules = [...recording, ...alerts].map(({ expr }) => expr);
    const asked = [...rules, ...(await documentedQueries())].flatMap((expr) => [...labelsIn(expr)]);
    expect(asked.length).toBeGreaterThan(100);
    expect(asked.filter((label) => !known.has(label))).toEqual([]);
  });

  it("record nothing that nobody asks for", async () => {
    const dashboard = await readProject("deploy/grafana/registry.json");
    const unasked = recording
      .map(({ record = "" }) => record)
      .filter(
        (name) => !dashboard.includes(name) && alerts.every(({ expr }) => !expr.includes(name)),
      );
    expect(unasked).toEqual([]);
  });
});

describe("labelsIn", () => {
  it("finds the labels of an expression, and nothing else", () => {
    const expression = `sum by (job, le) (a{x="b=c", y=~"d", z!=""}) == on (job) group_left () e`;
    expect([...labelsIn(expression)]).toEqual(["x", "y", "z", "job", "le"]);
  });
});

describe("metricsIn", () => {
  it("finds the metrics of an expression, and nothing else", () => {
    const expression = `sum by (job, le) (rate(a_bucket{x="b_total", y=~"c{d}"}[5m]))
      / on (job) group_left (z) job:e:ratio_rate5m offset 1h > 0.5 * 1024 ^ 2
      and f unless avg_over_time(g[1d] offset 1h) or vector(0)`;
    expect([...metricsIn(expression)]).toEqual(["a_bucket", "job:e:ratio_rate5m", "f", "g"]);
  });
});
