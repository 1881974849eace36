import { statSync } from "node:fs";
import type { Bytes } from "../domain/bytes.ts";
import { StartError } from "../domain/errors.ts";

/** A file that a flag names. */
export interface NamedFile {
  readonly path: string;
  /** With its dashes, for the message. */
  readonly flag: string;
  readonly bytesMax: number;
}

/**
 * The bytes of a regular file. What else is going on goes on meanwhile.
 * @throws StartError naming the file and the flag, when it is none, or has too many bytes
 */
export async function readBoundedFile(file: NamedFile): Promise<Bytes> {
  try {
    // Looked at first: reading from a pipe would wait, perhaps for ever.
    const found = statSync(file.path);
    if (!found.isFile()) throw unreadable(file, "it is no regular file");
    if (found.size > file.bytesMax) {
      throw unreadable(file, `it has ${found.size} bytes, of ${file.bytesMax} at most`);
    }
    return await Bun.file(file.path).bytes();
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw unreadable(file, error instanceof Error ? error.message : String(error), error);
  }
}

// --- internal ---

function unreadable({ path, flag }: NamedFile, why: string, cause?: unknown): StartError {
  return new StartError(`cannot read ${path} (${why}); correct ${flag}`, { cause });
}
