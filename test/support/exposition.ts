/** A metric of a page in Prometheus' text format. */
export interface Exposed {
  readonly type: string;
  readonly help: string;
  /** Names of labels, but `le`. */
  readonly labels: Set<string>;
  /** Samples, by name and labels as they stand there. */
  readonly samples: Map<string, number>;
}

/** Reads a page in Prometheus' text format 0.0.4. @throws Error at a line that is not of it */
export function parseExposition(text: string): Map<string, Exposed> {
  const metrics = new Map<string, Exposed>();
  const helps = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, comment, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (comment === "HELP") helps.set(name, rest);
    else if (comment === "TYPE") {
      if (metrics.has(name)) throw new Error(`${name} is there twice`);
      const help = helps.get(name) ?? "";
      metrics.set(name, { type: rest, help, labels: new Set(), samples: new Map() });
    } else if (line !== "") addSample(metrics, line);
  }
  return metrics;
}

function addSample(metrics: ReadonlyMap<string, Exposed>, line: string): void {
  const match = /^(?<id>(?<name>[a-z_]+)(?:\{(?<labels>.*)\})?) (?<value>\S+)$/.exec(line);
  const { id = "", name = "", labels = "", value = "" } = match?.groups ?? {};
  const metric = metrics.get(name) ?? metrics.get(name.replace(/_(bucket|sum|count)$/, ""));
  if (match === null || metric === undefined || !Number.isFinite(Number(value))) {
    throw new Error(`no sample: ${line}`);
  }
  metric.samples.set(id, Number(value));
  for (const [, label = ""] of labels.matchAll(/([a-z_]+)="(?:[^"\\]|\\.)*"/g)) {
    if (label !== "le") metric.labels.add(label);
  }
}
