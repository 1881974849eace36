import { statSync } from "node:fs";
import { RegistryError } from "../../domain/errors.ts";

/**
 * Remembers which file is at a path. SQLite goes on writing to a file that was removed, moved or
 * replaced under it, and says that all is well; but nobody would find there what it wrote.
 * @returns what throws `database_unavailable` unless the same file is still there
 */
export function watchFile(path: string): () => void {
  const known = identityOf(path);
  return () => {
    if (known !== null && identityOf(path) === known) return;
    throw new RegistryError(
      "database_unavailable",
      "The file of the embedded database is not where it was; its operator has to put it back, " +
        "or to start the registry again.",
    );
  };
}

// --- internal ---

function identityOf(path: string): string | null {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? null : `${found.dev} ${found.ino}`;
}
