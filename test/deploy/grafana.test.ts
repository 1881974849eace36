import { describe, expect, it } from "bun:test";
import {
  documentedLabels,
  documentedMetrics,
  familyOf,
  labelsIn,
  metricsIn,
  queriesOf,
  readDashboard,
  readProject,
  readRules,
  selectorsIn,
  type DashboardPanel,
} from "../support/monitoring.ts";

interface Provisioning {
  readonly providers: readonly { readonly options: { readonly path: string } }[];
}

const dashboard = await readDashboard();
const rows = dashboard.panels.filter(({ type }) => type === "row");
const panels = dashboard.panels.filter(({ type }) => type !== "row");
const recorded = await readRules("recording");

function overlap({ gridPos: a }: DashboardPanel, { gridPos: b }: DashboardPanel): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

describe("the dashboard", () => {
  it("has a row for each of the three questions that docs/observability.md answers", async () => {
    const questions = ["Is it up?", "Is it fast?", "What is it running out of?"];
    expect(rows.map(({ title }) => title)).toEqual(questions);
    const page = await readProject("docs/observability.md");
    const headings = page.split("\n").filter((line) => /^### .*\?$/.test(line));
    expect(headings).toEqual(questions.map((question) => `### ${question}`));
  });

  it("asks for a data source, a job and registries, and has one way to be found", () => {
    expect(dashboard.templating.list.map(({ name }) => name)).toEqual([
      "datasource",
      "job",
      "instance",
    ]);
    expect(dashboard.uid).toBe("mycelium-cdn-registry");
    expect(dashboard.schemaVersion).toBe(38); // of Grafana 10
  });

  it("says of every panel what it shows, in which unit, with a query", () => {
    for (const { title, description, targets, fieldConfig } of panels) {
      expect([title, description]).toEqual([
        expect.stringMatching(/\w/),
        expect.stringMatching(/\.$/),
      ]);
      expect(fieldConfig?.defaults.unit).toMatch(/^\w+$/);
      expect(targets?.length).toBeGreaterThan(0);
    }
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
  });

  it("has a place for every panel, and none for two", () => {
    for (const [index, panel] of dashboard.panels.entries()) {
      const { x, w } = panel.gridPos;
      expect(x + w).toBeLessThanOrEqual(24);
      const under = dashboard.panels.slice(index + 1).filter((other) => overlap(panel, other));
      expect(under.map(({ title }) => [panel.title, title])).toEqual([]);
    }
  });

  it("asks of the chosen job alone, and of the chosen registries where it can", () => {
    for (const query of queriesOf(dashboard)) {
      for (const selector of selectorsIn(query)) {
        expect(selector).toContain('{job="$job"');
        if (!selector.startsWith("job:")) expect(selector).toContain('instance=~"$instance"');
      }
    }
  });

  it("asks for what there is", async () => {
    const known = new Set([
      ...(await documentedMetrics()),
      ...recorded.map(({ record = "" }) => record),
      "up",
      "ALERTS",
    ]);
    const queries = [
      ...queriesOf(dashboard),
      ...dashboard.annotations.list.map(({ expr }) => expr),
    ];
    const asked = queries.flatMap((query) => [...metricsIn(query)]);
    expect(asked.filter((name) => !known.has(familyOf(name, known)))).toEqual([]);
  });

  it("asks for labels that there are, and names lines by them", async () => {
    const known = await documentedLabels();
    const asked = queriesOf(dashboard).flatMap((query) => [...labelsIn(query)]);
    expect(asked.filter((label) => !known.has(label))).toEqual([]);
    const targets = panels.flatMap((panel) => panel.targets ?? []);
    for (const { expr, legendFormat } of targets) {
      const named = Array.from(legendFormat.matchAll(/\{\{(\w+)\}\}/g), ([, label = ""]) => label);
      expect([expr, ...named.filter((label) => !known.has(label))]).toEqual([expr]);
    }
  });

  it("is where the provisioning looks for it, as docs/observability.md says", async () => {
    const provisioning = "deploy/grafana/provisioning";
    const text = await readProject(`${provisioning}/dashboards/registry.yml`);
    const { providers } = Bun.YAML.parse(text) as Provisioning;
    const page = await readProject("docs/observability.md");
    for (const { options } of providers) expect(page).toContain(`${options.path}/registry.json`);
    const [scraping, source] = await Promise.all([
      readProject("deploy/prometheus/prometheus.yml"),
      readProject(`${provisioning}/datasources/prometheus.yml`),
    ]);
    const [, interval = ""] = /scrape_interval: (\w+)/.exec(scraping) ?? [];
    expect(source).toContain(`timeInterval: ${interval}`);
  });

  it("shows every metric that docs/observability.md tells", async () => {
    const told = await documentedMetrics();
    const names = queriesOf(dashboard).flatMap((query) => [...metricsIn(query)]);
    const asked = new Set(names.map((name) => familyOf(name, told)));
    expect([...told].filter((name) => !asked.has(name))).toEqual([]);
  });
});
