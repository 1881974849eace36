import { createClient, RegistryClientError, type RegistryClient } from "../client.ts";
import type { Bytes } from "../domain/bytes.ts";
import { codeOf } from "../domain/errors.ts";
import type { Hasher, Hashing } from "../domain/hasher.ts";
import { toPrintable } from "../ops/printable.ts";
import type { Settings } from "../ops/settings.ts";
import { UsageError } from "../ops/usage-error.ts";

/** Sends a request, as `fetch` does. */
export type Send = (url: string, init: RequestInit) => Promise<Response>;

/** The registry that a command talks to. */
export interface Remote {
  /** A client of it, which sends its requests by `send`. */
  connect(send?: Send): RegistryClient;
}

/** Why something failed, on one line. */
export interface Failure {
  readonly code: string;
  readonly detail: string;
}

/**
 * The registry of `--url`.
 * @param timeoutMs how long a call may take in all
 * @param token to upload with; null: none
 * @throws UsageError when that is no URL of a registry
 */
export async function openRemote(
  settings: Settings,
  timeoutMs: number,
  token: string | null = null,
): Promise<Remote> {
  const url = settings.text("url") ?? "";
  // Loads the addon, which a usage error does not need.
  const { createHashing } = await import("../hashing/blake3.ts");
  const hashing = createHashing();
  const connect = (send?: Send): RegistryClient =>
    createClient({
      url,
      timeoutMs,
      retries,
      hash: () => toClientHasher(hashing),
      ...(token === null ? {} : { token }),
      ...(send === undefined ? {} : { fetch: send }),
    });
  try {
    connect();
  } catch (cause) {
    const source = settings.sourceOf("url") ?? "--url";
    const rule = "write http://HOST:PORT or https://HOST, without user and password";
    throw new UsageError(`${source} is not the URL of a registry; ${rule}`, { cause });
  }
  return { connect };
}

/** What to tell of a failure. @throws `error` when it is neither the registry's nor a file's */
export function explain(error: unknown): Failure {
  if (error instanceof RegistryClientError) {
    const { code, status, detail } = error;
    if (status !== null && status >= 300 && status < 400) {
      return { code, detail: "the registry redirects; name where it leads to with --url" };
    }
    if (code === "token_required") {
      return { code, detail: "uploading there takes a token; name its file with --token-file" };
    }
    return { code, detail: toPrintable(detail) };
  }
  const code = codeOf(error);
  if (!(error instanceof Error) || code === "") throw error;
  return { code, detail: detailOf[code] ?? toPrintable(error.message) };
}

// --- internal ---

/** A person waits: less often than the five times that suit a service. */
const retries = 3;

const detailOf: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or directory",
  EACCES: "this user may not do that",
  EISDIR: "it is a directory",
  ENOTDIR: "a part of the path is not a directory",
  ENOSPC: "the disk is full",
  EPIPE: "nobody reads standard output any more",
};

function toClientHasher(hashing: Hashing) {
  const hasher: Hasher = hashing.createHasher();
  return {
    update: (bytes: Uint8Array) => hasher.update(bytes as Bytes),
    digest(): Uint8Array {
      try {
        return hasher.digest();
      } finally {
        hasher.dispose();
      }
    },
  };
}
