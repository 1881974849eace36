import type { Bearers } from "../../auth/bearers.ts";
import { RegistryError } from "../../domain/errors.ts";

/** Who may upload. */
export interface TokenGuardOptions {
  readonly bearers: Bearers;
  /** What time it is, in ms since 1970; left out: the system's clock. */
  readonly nowMs?: () => number;
}

/**
 * The name of whom the token of a request belongs to; null: nobody's, where everybody may upload.
 * @throws RegistryError `token_required`, `token_invalid` or `token_expired`
 */
export type TokenGuard = (request: Request) => string | null;

/**
 * Lets only those upload who send a token (RFC 6750 section 2.1). It looks at the Authorization
 * field and at nothing else: whoever has no token learns nothing of the registry, and nobody puts
 * one into a URL, which logs and histories keep.
 */
export function createTokenGuard({ bearers, nowMs = Date.now }: TokenGuardOptions): TokenGuard {
  return (request) => {
    const bearer = bearers.identify(request.headers.get("authorization"), nowMs());
    if (bearer.kind === "missing") throw tokenRequired();
    if (bearer.kind === "unknown") throw tokenInvalid();
    names.set(request, bearer.name);
    if (bearer.kind === "expired") throw tokenExpired();
    return bearer.name;
  };
}

/** Whose token a request came with, expired or not; null when nobody knows, or has looked. */
export function bearerOf(request: Request): string | null {
  return names.get(request) ?? null;
}

// --- internal ---

/** For the log; only for as long as there are the requests. */
const names = new WeakMap<Request, string>();

function tokenRequired(): RegistryError {
  return new RegistryError(
    "token_required",
    "Uploading here takes a token: send Authorization: Bearer TOKEN. The operator of this " +
      "registry gives them out.",
  );
}

function tokenInvalid(): RegistryError {
  return new RegistryError(
    "token_invalid",
    "This registry does not know the token (any more); ask its operator for one.",
  );
}

function tokenExpired(): RegistryError {
  return new RegistryError(
    "token_expired",
    "The token has expired; ask the operator of this registry for a new one.",
  );
}
