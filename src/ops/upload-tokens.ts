import { createBearers, type Bearers } from "../auth/bearers.ts";
import { parseTokenFile, TokenFileError, type Token } from "../auth/token-file.ts";
import { StartError } from "../domain/errors.ts";
import { limits } from "../domain/limits.ts";
import type { Log } from "../domain/log.ts";
import { readBoundedFile } from "./bounded-file.ts";

/** The tokens that may upload, as --upload-token-file has them. */
export interface UploadTokens extends Bearers {
  /** Tells the log how many there are. */
  tell(): void;
  /** Reads the file again, at once; what cannot be read changes nothing. Never fails. */
  reload(): Promise<void>;
}

/**
 * Reads the tokens of a file. No more than their digests is kept.
 * @throws StartError when it cannot be read to its end, or holds no token
 */
export async function openUploadTokens(file: string, log: Log): Promise<UploadTokens> {
  let tokens = await readTokens(file);
  let bearers = createBearers(tokens);
  let reloading: Promise<void> = Promise.resolve();
  const tell = (): void => log.info("upload tokens read", countsOf(tokens));

  async function reload(): Promise<void> {
    try {
      tokens = await readTokens(file);
      bearers = createBearers(tokens);
      tell();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const fields = { tokens: tokens.length, why };
      log.error("the upload tokens cannot be read: those before stay in force", fields);
    }
  }

  return {
    identify: (authorization, nowMs) => bearers.identify(authorization, nowMs),
    tell,
    reload() {
      reloading = reloading.then(reload);
      return reloading;
    },
  };
}

// --- internal ---

const flag = "--upload-token-file";

async function readTokens(path: string): Promise<readonly Token[]> {
  const bytesMax = limits.uploadTokenFileBytesMax;
  const tokens = parse(await readBoundedFile({ path, flag, bytesMax }), path);
  if (tokens.length > 0) return tokens;
  throw new StartError(
    `${path} holds no token, so nobody could upload; make one with registry token, ` +
      `or leave ${flag} out and let everybody upload`,
  );
}

function parse(bytes: Uint8Array, path: string): readonly Token[] {
  try {
    return parseTokenFile(new TextDecoder().decode(bytes));
  } catch (cause) {
    if (!(cause instanceof TokenFileError)) throw cause;
    throw new StartError(`${path}, ${cause.message}; correct ${flag}`, { cause });
  }
}

/** An operator who wonders why a token is refused looks for the second of these. */
function countsOf(tokens: readonly Token[]) {
  const nowMs = Date.now();
  const expired = tokens.filter(({ expiresAtMs }) => expiresAtMs !== null && nowMs >= expiresAtMs);
  return { tokens: tokens.length, expired: expired.length > 0 ? expired.length : undefined };
}
