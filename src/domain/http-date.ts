/** A time as fields of HTTP hold it: IMF-fixdate, in whole seconds (RFC 9110 section 5.6.7). */
export function formatHttpDate(ms: number): string {
  return new Date(ms).toUTCString();
}

/**
 * When something was stored, by the database's clock, as Last-Modified tells it: never in the
 * future by ours (RFC 9110 section 8.8.2.1). The Date that Bun gives to answers may be a second
 * behind both.
 */
export function formatLastModified(storedAtMs: number): string {
  return formatHttpDate(Math.min(storedAtMs, Date.now()));
}

/**
 * Reads an HTTP-date in any of its three forms (RFC 9110 section 5.6.7); ms since 1970, or null
 * when it is none. A leap second counts as the second before it. A day of the week that does not
 * fit is not noticed: no recipient needs it.
 */
export function parseHttpDate(text: string): number | null {
  for (const form of forms) {
    const groups = form.exec(text)?.groups;
    if (groups !== undefined) return toMs(groups);
  }
  return null;
}

// --- internal ---

const months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

const weekday = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)";
const longWeekday = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day";
const month = `(?<month>${months.join("|")})`;
const time = String.raw`(?<hour>[01]\d|2[0-3]):(?<minute>[0-5]\d):(?<second>[0-5]\d|60)`;

const forms = [
  // Sun, 06 Nov 1994 08:49:37 GMT
  String.raw`${weekday}, (?<day>\d\d) ${month} (?<year>\d{4}) ${time} GMT`,
  // Sunday, 06-Nov-94 08:49:37 GMT
  String.raw`${longWeekday}, (?<day>\d\d)-${month}-(?<year>\d\d) ${time} GMT`,
  // Sun Nov  6 08:49:37 1994
  String.raw`${weekday} ${month} (?<day>[ \d]\d) ${time} (?<year>\d{4})`,
].map((form) => new RegExp(`^${form}$`));

type Groups = Readonly<Record<string, string>>;

/** Null for a day that its month does not have. */
function toMs(groups: Groups): number | null {
  const { year = "" } = groups;
  if (year.length === 4) return toMsIn(Number(year), groups);
  // Two digits are of this century, but what lies more than 50 years ahead is of the last one.
  const horizon = new Date();
  const thisYear = horizon.getUTCFullYear();
  horizon.setUTCFullYear(thisYear + 50);
  const fullYear = thisYear - (thisYear % 100) + Number(year);
  const ms = toMsIn(fullYear, groups);
  return ms !== null && ms > horizon.getTime() ? toMsIn(fullYear - 100, groups) : ms;
}

function toMsIn(year: number, groups: Groups): number | null {
  const { month: monthName = "", hour, minute, second } = groups;
  const day = Number(groups["day"]);
  const at = new Date(0);
  // Date.UTC would take the years 0 to 99 for 1900 to 1999.
  at.setUTCFullYear(year, months.indexOf(monthName), day);
  if (at.getUTCDate() !== day) return null;
  return at.setUTCHours(Number(hour), Number(minute), Math.min(Number(second), 59));
}
