import { randomUUID } from "node:crypto";
import { open, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { writeAll } from "./write-all.ts";

/** Where a downloaded blob goes. */
export interface BlobTarget {
  /** What it is called; `-` for standard output. */
  readonly name: string;
  /** Takes the bytes; they are where they should be once it is closed, and nowhere before. */
  readonly sink: WritableStream<Uint8Array>;
  /** Clears up when that did not come about; does nothing else. */
  discard(): Promise<void>;
}

/**
 * A file, written under another name beside it until all is there: it is the whole blob, or what it
 * was before. Where `path` is no ordinary file (a device, a pipe), it is written to once all bytes
 * are there, which are held in memory until then.
 */
export async function openFileTarget(path: string): Promise<BlobTarget> {
  const found = await stat(path).catch(() => null);
  if (found !== null && !found.isFile()) {
    return createLateTarget(path, async (pieces) => {
      const file = await open(path, "w");
      try {
        for (const piece of pieces) await writeAll(file, piece);
      } finally {
        await file.close();
      }
    });
  }
  // Behind a link, the file it leads to is replaced, not the link.
  const place = found === null ? path : await realpath(path);
  const temporary = join(dirname(place), `.${basename(place).slice(0, 40)}.${randomUUID()}.part`);
  const file = await open(temporary, "wx");
  let isOpen = true;
  const close = async (): Promise<void> => {
    if (isOpen) await file.close();
    isOpen = false;
  };
  return {
    name: path,
    sink: new WritableStream<Uint8Array>({
      write: (piece) => writeAll(file, piece),
      async close() {
        await file.datasync(); // else a loss of power might leave an empty file under the name
        await close();
        await rename(temporary, place);
      },
    }),
    async discard() {
      await close();
      await rm(temporary, { force: true });
    },
  };
}

/** Standard output, which gets the bytes, held in memory until then, once all are there. */
export function openOutputTarget(): BlobTarget {
  return createLateTarget("-", async (pieces) => {
    for (const piece of pieces) {
      await new Promise<void>((resolve, reject) => {
        process.stdout.write(piece, (error) => (error ? reject(error) : resolve()));
      });
    }
  });
}

// --- internal ---

function createLateTarget(
  name: string,
  write: (pieces: readonly Uint8Array[]) => Promise<void>,
): BlobTarget {
  const pieces: Uint8Array[] = [];
  const sink = new WritableStream<Uint8Array>({
    write: (piece) => void pieces.push(piece),
    close: () => write(pieces),
  });
  return { name, sink, discard: async () => {} };
}
