import { readFileSync } from "node:fs";
import { codeOf } from "../domain/errors.ts";
import { toQuoted } from "../ops/printable.ts";
import type { Environment, Settings } from "../ops/settings.ts";
import { UsageError } from "../ops/usage-error.ts";

/**
 * The token to upload with, from the file of `--token-file` or from the environment; null: none.
 * @throws UsageError when there is no token where there should be one; it never holds the token
 */
export function readClientToken(settings: Settings, environment: Environment): string | null {
  const source = settings.sourceOf("token-file");
  const inherited = environment[tokenVariable] || null;
  if (source === null) return inherited === null ? null : checked(inherited, tokenVariable);
  if (inherited !== null) {
    throw new UsageError(`${source} and ${tokenVariable} exclude each other; drop one`);
  }
  const path = settings.text("token-file") ?? "";
  return checked(readText(path, source).trim(), `${source}: ${toQuoted(path)}`);
}

// --- internal ---

/** Holds the token itself. There is no flag for that: everybody on the machine would see it. */
const tokenVariable = "REGISTRY_TOKEN";

/** What a server takes for one (RFC 6750 section 2.1). */
const tokenForm = /^[A-Za-z0-9._~+/-]+=*$/;

function readText(path: string, source: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const why = codeOf(cause) || String(cause);
    throw new UsageError(`${source}: cannot read ${toQuoted(path)} (${why})`, { cause });
  }
}

function checked(token: string, place: string): string {
  if (tokenForm.test(token)) return token;
  throw new UsageError(`${place} holds no token; write the token into it, and nothing else`);
}
