/** A time as fields of HTTP hold it: IMF-fixdate, in whole seconds (RFC 9110 section 5.6.7). */
export function formatHttpDate(ms: number): string {
  return new Date(ms).toUTCString();
}

/**
 * When something was stored, by the database's clock, as Last-Modified tells it: never later than
 * the Date of the answer, which is by ours (RFC 9110 section 8.8.2.1).
 */
export function formatLastModified(storedAtMs: number): string {
  return formatHttpDate(Math.min(storedAtMs, Date.now()));
}

/**
 * Reads an HTTP-date in any of its three forms; ms since 1970, or null when it is none. A day of
 * the week that does not fit is not noticed: no recipient needs it.
 */
export function parseHttpDate(text: string): number | null {
  const fixed = fixdate.exec(text);
  if (fixed !== null) return toMs(fixed, Number(fixed[3]));
  const old = rfc850Date.exec(text);
  if (old !== null) return toMs(old, nearestYear(Number(old[3])));
  const c = asctimeDate.exec(text);
  if (c === null) return null;
  const [, month, day, hour, minute, second, year] = c;
  return toMs(["", day, month, year, hour, minute, second], Number(year));
}

// --- internal ---

const months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const monthNames = months.join("|");

/** `Sun, 06 Nov 1994 08:49:37 GMT` */
const fixdate = new RegExp(
  `^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\\d\\d) (${monthNames}) (\\d{4}) (\\d\\d):(\\d\\d):(\\d\\d) GMT$`,
);
/** `Sunday, 06-Nov-94 08:49:37 GMT` */
const rfc850Date = new RegExp(
  `^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (\\d\\d)-(${monthNames})-(\\d\\d) ` +
    `(\\d\\d):(\\d\\d):(\\d\\d) GMT$`,
);
/** `Sun Nov  6 08:49:37 1994` */
const asctimeDate = new RegExp(
  `^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (${monthNames}) ([ \\d]\\d) (\\d\\d):(\\d\\d):(\\d\\d) (\\d{4})$`,
);

/** From day, month, year, hour, minute, second, behind what was matched as a whole. */
function toMs(parts: readonly (string | undefined)[], year: number): number | null {
  const [, day, month = "", , hour, minute, second] = parts;
  const ms = Date.UTC(
    year,
    months.indexOf(month),
    Number(day),
    Number(hour),
    Number(minute),
    Math.min(Number(second), 59), // a leap second
  );
  const isReal =
    new Date(ms).getUTCDate() === Number(day) &&
    Number(hour) < 24 &&
    Number(minute) < 60 &&
    Number(second) <= 60;
  return isReal ? ms : null;
}

/** Two digits that lie more than 50 years ahead are of the past (RFC 9110 section 5.6.7). */
function nearestYear(twoDigits: number): number {
  const now = new Date().getUTCFullYear();
  const year = now - (now % 100) + twoDigits;
  return year > now + 50 ? year - 100 : year;
}
