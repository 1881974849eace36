import { toPrintable } from "./printable.ts";
import { isSecretName, withoutSecrets } from "./redaction.ts";

const textCharactersMax = 8192;
const causeCharactersMax = 1024;
const bytesShownMax = 64;
const causesMax = 8;

/** An error as the log tells it. */
interface LoggedError {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  /** SQLSTATE, or the number the operating system gave. */
  readonly errno?: string | number;
  readonly stack?: string;
  readonly cause?: unknown;
}

/**
 * A field's value as something JSON can hold: errors with code and causes, bytes as hexadecimal,
 * big integers as digits. Long texts are cut, and secrets are left out of them.
 * @param everyStack give the stack of an error even if it has a code, so is none of our bugs
 */
export function toLogged(value: unknown, everyStack: boolean): unknown {
  try {
    return toPlain(value, everyStack);
  } catch {
    return "not serializable";
  }
}

/** What a line is about, cut and without secrets like every text. */
export function toMessage(message: string): string {
  return cut(message);
}

/** A value of `toLogged` as one word or quoted phrase of a text line. */
export function toText(value: unknown): string {
  const text = typeof value === "string" ? value : isLoggedError(value) ? toStory(value) : null;
  if (text === null) return toPrintable(JSON.stringify(value) ?? "undefined");
  const isPlain = text !== "" && !/[\s"=\\]/.test(text) && toPrintable(text) === text;
  return isPlain ? text : toPrintable(JSON.stringify(text));
}

/** The `at …` lines of an error's stack, fit for a terminal; none for other values. */
export function toStackLines(value: unknown): string[] {
  if (!isLoggedError(value) || value.stack === undefined) return [];
  const lines = value.stack.split("\n").filter((line) => /^\s+at /.test(line));
  return lines.map((line) => `    ${toPrintable(line.trim())}`);
}

// --- internal ---

function toPlain(value: unknown, everyStack: boolean): unknown {
  if (value instanceof Error) return toLoggedError(value, everyStack);
  if (value instanceof Uint8Array) {
    return value.length <= bytesShownMax ? value.toHex() : `${value.length} bytes`;
  }
  if (typeof value === "string") return cut(value);
  if (typeof value === "bigint" || typeof value === "symbol") return String(value);
  if (typeof value === "function") return "function";
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (typeof value !== "object" || value === null) return value;
  const text = JSON.stringify(value, (name, inner: unknown) => {
    if (isSecretName(name)) return "***";
    return inner === value ? inner : toPlain(inner, everyStack);
  });
  return text.length > textCharactersMax ? "too large" : JSON.parse(text);
}

/** Some errors carry a message that is no text, whatever their type says. */
function cut(value: unknown, charactersMax = textCharactersMax): string {
  const text = String(value);
  // A secret at the cut is hidden first; what is far behind it need not be looked at.
  const plain = withoutSecrets(text.slice(0, 2 * charactersMax));
  return plain.length <= charactersMax ? plain : `${plain.slice(0, charactersMax)}…`;
}

function toLoggedError(error: Error, everyStack: boolean, depth = 1): LoggedError {
  const { code, errno } = error as { readonly code?: unknown; readonly errno?: unknown };
  const { name, message, stack, cause } = error;
  const isOurBug = typeof code !== "string" && depth === 1;
  const charactersMax = depth === 1 ? textCharactersMax : causeCharactersMax;
  return {
    name: cut(name, charactersMax),
    message: cut(message, charactersMax),
    ...(typeof code === "string" && { code: cut(code, charactersMax) }),
    ...((typeof errno === "string" || typeof errno === "number") && {
      errno: typeof errno === "string" ? cut(errno, charactersMax) : errno,
    }),
    ...(stack !== undefined && (everyStack || isOurBug) && { stack: cut(stack, charactersMax) }),
    ...(cause !== undefined && depth < causesMax && { cause: toCause(cause, everyStack, depth) }),
  };
}

function toCause(cause: unknown, everyStack: boolean, depth: number): unknown {
  return cause instanceof Error
    ? toLoggedError(cause, everyStack, depth + 1)
    : toLogged(cause, everyStack);
}

function isLoggedError(value: unknown): value is LoggedError {
  return typeof value === "object" && value !== null && "name" in value && "message" in value;
}

function toStory({ name, message, code, errno, cause }: LoggedError): string {
  const marks = [code, errno].filter((mark) => mark !== undefined).join(", ");
  const own = `${name}${marks === "" ? "" : ` (${marks})`}: ${message}`;
  if (cause === undefined) return own;
  return `${own}; caused by ${isLoggedError(cause) ? toStory(cause) : toText(cause)}`;
}
