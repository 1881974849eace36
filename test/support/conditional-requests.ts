/** What a condition may name of a blob: its entity tag, and when it was stored, in ms. */
export interface Selected {
  readonly tag: string;
  readonly storedMs: number;
}

/** A conditional GET or HEAD, and the status of its answer. */
export interface ConditionalRequest {
  /** Of RFC 9110. */
  readonly section: string;
  readonly name: string;
  readonly status: 200 | 304 | 412;
  fields(selected: Selected): Readonly<Record<string, string>>;
}

const none = "If-None-Match";
const match = "If-Match";
const since = "If-Modified-Since";
const unmodified = "If-Unmodified-Since";
const other = `"${"0".repeat(64)}"`;

/** Every condition alone, and where several stand together, which of them counts. */
export const conditionalRequests: readonly ConditionalRequest[] = [
  on("13.1.2", 304, "its tag", ({ tag }) => ({ [none]: tag })),
  on("13.1.2", 304, "its tag, called weak", ({ tag }) => ({ [none]: `W/${tag}` })),
  on("13.1.2", 304, "a list with its tag", ({ tag }) => ({ [none]: `${other}, "x,y" , W/${tag}` })),
  on("13.1.2", 304, "any tag", () => ({ [none]: "*" })),
  on("13.1.2", 200, "another tag", () => ({ [none]: other })),
  on("13.1.2", 200, "its tag without quotes", ({ tag }) => ({ [none]: tag.slice(1, -1) })),
  on("13.1.2", 200, "the beginning of its tag", ({ tag }) => ({ [none]: `${tag.slice(0, 33)}"` })),
  on("13.1.2", 200, "its tag in upper case", ({ tag }) => ({ [none]: tag.toUpperCase() })),

  on("13.1.3", 304, "changed since then", ({ storedMs }) => ({ [since]: date(storedMs) })),
  on("13.1.3", 304, "changed since later", ({ storedMs }) => ({ [since]: date(storedMs, 1) })),
  on("13.1.3", 200, "changed since before", ({ storedMs }) => ({ [since]: date(storedMs, -1) })),
  on("13.1.3", 304, "since, of the year 2099", () => ({ [since]: date(Date.UTC(2099, 0, 31)) })),
  on("5.6.7", 304, "since, as RFC 850 has it", ({ storedMs }) => ({ [since]: old(storedMs) })),
  on("5.6.7", 304, "since, as asctime has it", ({ storedMs }) => ({ [since]: ansi(storedMs) })),
  on("13.1.3", 200, "since no date at all", () => ({ [since]: "yesterday" })),

  on("13.1.1", 200, "must be its tag", ({ tag }) => ({ [match]: tag })),
  on("13.1.1", 200, "must be of a list", ({ tag }) => ({ [match]: `${other}, ${tag}` })),
  on("13.1.1", 200, "must be there", () => ({ [match]: "*" })),
  on("13.1.1", 412, "must be another tag", () => ({ [match]: other })),
  on("13.1.1", 412, "must be its tag, called weak", ({ tag }) => ({ [match]: `W/${tag}` })),

  on("13.1.4", 200, "the same since then", ({ storedMs }) => ({ [unmodified]: date(storedMs) })),
  on("13.1.4", 200, "the same since later", ({ storedMs }) => ({
    [unmodified]: date(storedMs, 1),
  })),
  on("13.1.4", 412, "the same from before", ({ storedMs }) => ({
    [unmodified]: date(storedMs, -1),
  })),
  on("13.1.4", 200, "the same since no date at all", () => ({ [unmodified]: "0" })),

  on("13.2.2", 200, "another tag, though not changed since", ({ storedMs }) => ({
    [none]: other,
    [since]: date(storedMs),
  })),
  on("13.2.2", 304, "its tag, though changed since before", ({ tag, storedMs }) => ({
    [none]: tag,
    [since]: date(storedMs, -1),
  })),
  on("13.2.2", 200, "must be its tag, though changed from before", ({ tag, storedMs }) => ({
    [match]: tag,
    [unmodified]: date(storedMs, -1),
  })),
  on("13.2.2", 412, "must be another tag, though the same since then", ({ storedMs }) => ({
    [match]: other,
    [unmodified]: date(storedMs),
  })),
  on("13.2.2", 412, "must be another tag, and is its tag", ({ tag }) => ({
    [match]: other,
    [none]: tag,
  })),
  on("13.2.2", 304, "must be its tag, and is", ({ tag }) => ({ [match]: tag, [none]: tag })),
  on("13.2.2", 412, "the same from before, and its tag", ({ tag, storedMs }) => ({
    [unmodified]: date(storedMs, -1),
    [none]: tag,
  })),
  on("13.2.2", 304, "the same since then, and not changed since", ({ storedMs }) => ({
    [unmodified]: date(storedMs),
    [since]: date(storedMs),
  })),
];

/** A time as HTTP writes it, `seconds` later. */
export function date(ms: number, seconds = 0): string {
  return new Date(ms + 1000 * seconds).toUTCString();
}

// --- internal ---

function on(
  section: string,
  status: ConditionalRequest["status"],
  ...[name, fields]: [name: string, fields: ConditionalRequest["fields"]]
): ConditionalRequest {
  return { section, status, name, fields };
}

/** `Sunday, 06-Nov-94 08:49:37 GMT` */
function old(ms: number): string {
  const weekday = new Date(ms).toLocaleDateString("en-US", { weekday: "long", timeZone: "UTC" });
  const [, day, month, year, time] = date(ms).split(" ");
  return `${weekday}, ${day}-${month}-${year?.slice(2)} ${time} GMT`;
}

/** `Sun Nov  6 08:49:37 1994` */
function ansi(ms: number): string {
  const [weekday, day, month, year, time] = date(ms).split(" ");
  return `${weekday?.slice(0, 3)} ${month} ${day?.replace(/^0/, " ")} ${time} ${year}`;
}
