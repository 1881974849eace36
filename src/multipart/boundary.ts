import { RegistryError } from "../domain/errors.ts";
import { limits } from "../domain/limits.ts";

/**
 * A parameter's name (a token of RFC 9110 section 5.6.2) and, behind `=`, its value: a quoted
 * string in which a backslash quotes the next character, or what stands up to `;` or a blank, for
 * boundaries are seen unquoted with characters that a token does not have.
 */
const parameter =
  /[ \t;]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*(=[ \t]*(?:"((?:[^"\\]|\\.)*)"|((?!")[^;\s]*)))?/sy;
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
  parameter.lastIndex = 0;
  for (;;) {
    const found = parameter.exec(parameters);
    if (found === null) return null;
    const [, foundName = "", value, quoted, plain] = found;
    if (value === undefined || foundName.toLowerCase() !== name) continue;
    return plain ?? quoted?.replaceAll(/\\(.)/gs, "$1") ?? null;
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
