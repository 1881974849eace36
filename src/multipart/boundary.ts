import { RegistryError } from "../domain/errors.ts";
import { limits } from "../domain/limits.ts";

/** A token of RFC 9110 section 5.6.2. */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+/;
/** RFC 2046 section 5.1.1: 1 to 70 of these, and no space at the end. */
const legalBoundary = /^[0-9A-Za-z'()+_,\-./:=? ]*[0-9A-Za-z'()+_,\-./:=?]$/;

/**
 * The boundary of a `multipart/form-data` body (RFC 7578, RFC 2046 section 5.1.1), from its
 * Content-Type: quoted or not, whatever the case and the other parameters.
 * @throws RegistryError `unsupported_media_type`, `missing_boundary` or `invalid_boundary`
 */
export function parseBoundary(contentType: string | null): string {
  const parameters = parametersOf(contentType ?? "");
  if (parameters === null) {
    throw new RegistryError(
      "unsupported_media_type",
      "Send the blob as multipart/form-data, in a part named data: curl -F data=@FILE does.",
    );
  }
  const boundary = readParameter(parameters, "boundary");
  if (boundary === null) {
    throw new RegistryError(
      "missing_boundary",
      "The Content-Type names no boundary; let the HTTP client make this header.",
    );
  }
  if (boundary.length > limits.boundaryCharactersMax || !legalBoundary.test(boundary)) {
    throw new RegistryError(
      "invalid_boundary",
      `A boundary has 1 to ${limits.boundaryCharactersMax} characters of RFC 2046 section 5.1.1.`,
    );
  }
  return boundary;
}

/** The value of a parameter in `; name=value; name="value"`; null when it is missing or broken. */
export function readParameter(parameters: string, name: string): string | null {
  let rest = parameters;
  for (;;) {
    rest = rest.replace(/^[ \t;]+/, "");
    const found = token.exec(rest)?.[0];
    if (found === undefined) return null;
    rest = rest.slice(found.length).replace(/^[ \t]*/, "");
    if (!rest.startsWith("=")) continue;
    const value = readValue(rest.slice(1).replace(/^[ \t]*/, ""));
    if (value === null) return null;
    if (found.toLowerCase() === name) return value.text;
    rest = value.rest;
  }
}

// --- internal ---

/** What follows the media type, or null when it is another one. */
function parametersOf(contentType: string): string | null {
  const end = contentType.indexOf(";");
  const type = end < 0 ? contentType : contentType.slice(0, end);
  if (type.trim().toLowerCase() !== "multipart/form-data") return null;
  return end < 0 ? "" : contentType.slice(end);
}

interface Value {
  readonly text: string;
  readonly rest: string;
}

/** A token, or a quoted string in which a backslash quotes the next character. */
function readValue(input: string): Value | null {
  if (!input.startsWith('"')) {
    // Boundaries are seen unquoted with characters that a token does not have.
    const text = /^[^;\s]*/.exec(input)?.[0] ?? "";
    return { text, rest: input.slice(text.length) };
  }
  const quoted = /^"((?:[^"\\]|\\.)*)"/s.exec(input);
  if (quoted === null) return null;
  const [whole, inside = ""] = quoted;
  return { text: inside.replaceAll(/\\(.)/gs, "$1"), rest: input.slice(whole.length) };
}
