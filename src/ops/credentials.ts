import { statSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "../domain/errors.ts";
import type { FlagName } from "./flags.ts";

/** Files that a flag would name, by that flag. */
export type Credentials = Readonly<Partial<Record<FlagName, string>>>;

/**
 * The credentials that systemd has put into `directory` (`$CREDENTIALS_DIRECTORY`) and that nobody
 * has given by other means: each is a file, which takes the place of a flag that names one.
 * @param isGiven whether somebody has given a flag
 */
export function findCredentials(
  directory: string | undefined,
  isGiven: (name: FlagName) => boolean,
): Credentials {
  if (directory === undefined || directory === "") return {};
  const found: Partial<Record<FlagName, string>> = {};
  for (const { credential, flag, unless, mayBeEmpty } of credentials) {
    const path = join(directory, credential);
    if (!unless.some(isGiven) && isThere(path, mayBeEmpty)) found[flag] = path;
  }
  return found;
}

/** What a message calls the credential that takes the place of a flag; null: none does. */
export function credentialNameOf(name: FlagName): string | null {
  const found = credentials.find(({ flag }) => flag === name);
  return found === undefined ? null : `the credential ${found.credential}`;
}

// --- internal ---

interface Credential {
  readonly credential: string;
  readonly flag: FlagName;
  /** Any of these says the same, or that it is not needed. */
  readonly unless: readonly FlagName[];
  /** Whether an empty one counts: deploy/systemd brings one where no password is needed. */
  readonly mayBeEmpty: boolean;
}

const credentials: readonly Credential[] = [
  {
    credential: "db-password",
    flag: "db-password-file",
    unless: ["db-password", "db-password-file", "db-url", "embedded"],
    mayBeEmpty: false,
  },
  {
    credential: "upload-tokens",
    flag: "upload-token-file",
    unless: ["upload-token-file"],
    mayBeEmpty: true, // nobody may upload then, which is refused; it never means everybody
  },
  // An empty one is refused: it never means plain HTTP.
  { credential: "tls-cert", flag: "tls-cert", unless: ["tls-cert"], mayBeEmpty: true },
  { credential: "tls-key", flag: "tls-key", unless: ["tls-key"], mayBeEmpty: true },
];

/** What cannot be looked at counts as there: whoever reads it then says why it cannot be read. */
function isThere(path: string, mayBeEmpty: boolean): boolean {
  try {
    return statSync(path).size > 0 || mayBeEmpty;
  } catch (error) {
    return codeOf(error) !== "ENOENT" && codeOf(error) !== "ENOTDIR";
  }
}
