const root = `${import.meta.dir}/../..`;

/** A rule as its file has it: it records a series, or alerts. */
export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What a panel of the dashboard shows. */
export interface DashboardPanel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: Readonly<Record<"x" | "y" | "w" | "h", number>>;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
}

/** The dashboard, as far as tests look at it. */
export interface Dashboard {
  readonly uid: string;
  readonly schemaVersion: number;
  readonly panels: readonly DashboardPanel[];
  readonly templating: { readonly list: readonly { readonly name: string }[] };
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
}

/** The directory of what Prometheus is given. */
export const prometheusDirectory = `${root}/deploy/prometheus`;

/** The text of a file of the project. */
export async function readProject(path: string): Promise<string> {
  return await Bun.file(`${root}/${path}`).text();
}

/** All rules of `rules/NAME.yml`, in their order. */
export async function readRules(name: "recording" | "alerts"): Promise<readonly Rule[]> {
  const { groups } = Bun.YAML.parse(await readProject(`deploy/prometheus/rules/${name}.yml`)) as {
    readonly groups: readonly { readonly rules: readonly Rule[] }[];
  };
  return groups.flatMap(({ rules }) => rules);
}

/** The dashboard for Grafana. */
export async function readDashboard(): Promise<Dashboard> {
  return JSON.parse(await readProject("deploy/grafana/registry.json")) as Dashboard;
}

/** All queries of the panels. */
export function queriesOf({ panels }: Dashboard): readonly string[] {
  return panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
}

/** Prometheus' names of the metrics that docs/observability.md tells. */
export async function documentedMetrics(): Promise<ReadonlySet<string>> {
  return new Set((await metricRows()).map(([name]) => name));
}

/** The labels that they have, and those that Prometheus adds. */
export async function documentedLabels(): Promise<ReadonlySet<string>> {
  const cells = (await metricRows()).map(([, labels]) => labels);
  return new Set(["job", "instance", "le", ...(cells.join().match(/(?<=`)\w+(?=`)/g) ?? [])]);
}

/** The queries in what docs/observability.md answers and advises: its three questions, its runbook. */
export async function documentedQueries(): Promise<readonly string[]> {
  const page = await readProject("docs/observability.md");
  const [, questions = ""] = /\n## Three questions\n([^]*?)\n## /.exec(page) ?? [];
  const [, runbook = ""] = /\n## Runbook\n([^]*?)(?:\n## |$)/.exec(page) ?? [];
  const code = [...`${questions}${runbook}`.matchAll(/`([^`\n]+)`/g)];
  const texts = code.map(([, text = ""]) => text.replaceAll("\\|", "|")); // as in a table
  return texts.filter((text) => queryStart.test(text) && !text.includes("node_"));
}

/**
 * The names of metrics in an expression, as it has them: what is left once texts, selectors,
 * durations, lists of labels, functions and words of the language are taken away.
 */
export function metricsIn(expression: string): ReadonlySet<string> {
  const bare = expression
    .replaceAll(/"(?:[^"\\]|\\.)*"/g, "")
    .replaceAll(/\{[^}]*\}|\[[^\]]*\]/g, "")
    .replaceAll(/\b(?:by|without|on|ignoring|group_left|group_right) *\([^)]*\)/g, "")
    .replaceAll(/\boffset +\w+/g, "");
  const names = bare.match(/(?<![\w:.])[a-zA-Z_:][\w:]*(?! *\()\b/g) ?? [];
  return new Set(names.filter((name) => !words.has(name)));
}

/** The labels that an expression asks for: in selectors, and in lists of labels. */
export function labelsIn(expression: string): ReadonlySet<string> {
  const bare = expression.replaceAll(/"(?:[^"\\]|\\.)*"/g, "");
  const selected = bare.match(/\w+(?= *(?:!=|=~|!~|=)(?!=))/g) ?? [];
  const lists = bare.matchAll(/\b(?:by|without|on|ignoring) *\(([^)]*)\)/g);
  return new Set([
    ...selected,
    ...Array.from(lists, ([, list = ""]) => list.split(/[\s,]+/)).flat(),
  ]);
}

/** The selectors of an expression, each a query of its own. */
export function selectorsIn(expression: string): readonly string[] {
  return expression.match(/[\w:]+\{(?:"(?:[^"\\]|\\.)*"|[^}"])*\}/g) ?? [];
}

/** What is `known` of a metric's name: the name, or that without what a histogram adds to it. */
export function familyOf(name: string, known: ReadonlySet<string>): string {
  return known.has(name) ? name : name.replace(/_(?:bucket|sum|count)$/, "");
}

// --- internal ---

/** The name that Prometheus has for each metric of the page, and the cell of its labels. */
async function metricRows(): Promise<[name: string, labels: string][]> {
  const page = await readProject("docs/observability.md");
  const rows = page.matchAll(
    /^\| `[a-z_.]+` +\| `([a-z_]+)` +\| (?:counter|gauge|histogram) +\|[^|]*\|([^|]*)\|/gm,
  );
  return Array.from(rows, ([, name = "", labels = ""]) => [name, labels]);
}

/** How the queries of the page begin: with a metric, or a function. */
const queryStart =
  /^(?:(?:registry|http|db|process)_\w|job:|up\b|(?:sum|count) by|(?:rate|resets|histogram_quantile)\()/;

const words: ReadonlySet<string> = new Set(["and", "or", "unless", "by", "on", "bool"]);
