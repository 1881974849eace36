import { toPrintable } from "./printable.ts";
import { UsageError } from "./usage-error.ts";

/** What a `postgres://` URL says; null for what it leaves to the default. */
export interface DatabaseUrl {
  readonly user: string;
  readonly password: string;
  readonly host: string;
  readonly port: number | null;
  readonly name: string | null;
  readonly sslmode: string | null;
}

/**
 * Reads `postgres://user:password@host:port/name?sslmode=…` (or `postgresql://`), percent-decoded.
 * @param source who gave it, for the message; the URL itself is never shown
 * @throws UsageError
 */
export function parseDatabaseUrl(text: string, source: string): DatabaseUrl {
  const refuse = (why: string): never => {
    throw new UsageError(`${source} ${why}`);
  };
  if (!/^postgres(ql)?:\/\//i.test(text)) return refuse("must begin with postgres://");
  if (/[\s\p{Cc}]/u.test(text)) return refuse("must not hold spaces; percent-encode them as %20");
  const url = URL.parse(text);
  // A raw "@" after the host means that "/", "?" or "#" cut a user or password short.
  if (url === null || /[@]/.test(url.pathname + url.search) || url.hash !== "") {
    return refuse(
      "cannot be read; write postgres://user:password@host:port/name and percent-encode " +
        "@ : / ? # % in the user, the password and the name",
    );
  }
  const decode = (part: string): string => {
    try {
      return decodeURIComponent(part);
    } catch {
      return refuse("holds a % that is not followed by two hexadecimal digits of UTF-8");
    }
  };
  const host = decode(url.hostname.replace(/^\[(.*)\]$/, "$1"));
  const user = decode(url.username);
  if (host === "") return refuse("names no host");
  if (user === "") return refuse("names no user; write postgres://user:password@host/name");
  if (url.port === "0") return refuse("has port 0; write 1 to 65535");
  return {
    user,
    password: decode(url.password),
    host,
    port: url.port === "" ? null : Number(url.port),
    name: decode(url.pathname.slice(1)) || null,
    sslmode: readSslmode(url.searchParams, refuse),
  };
}

// --- internal ---

function readSslmode(query: URLSearchParams, refuse: (why: string) => never): string | null {
  for (const key of query.keys()) {
    if (key === "sslmode") continue;
    return refuse(
      `has the parameter ${toPrintable(key)}; only sslmode is taken, use flags instead`,
    );
  }
  const [mode, ...more] = query.getAll("sslmode");
  if (more.length > 0) return refuse("has sslmode more than once");
  return mode ?? null;
}
