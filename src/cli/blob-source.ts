import { mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { limits } from "../domain/limits.ts";
import { writeAll } from "./write-all.ts";

/** A blob to be uploaded, which can be read as often as needed. */
export interface BlobSource {
  readonly blob: Blob;
  /** Gives back what it holds. */
  close(): Promise<void>;
}

/** How standard input is named among files. */
export const standardInput = "-";

/**
 * The bytes of a file, as many as it has now, or of standard input. What can be read only once is
 * written to a temporary file first, for the hash must be known before the upload: nothing is held
 * in memory.
 * @throws Error with the code of a system call, `ENOENT` and the like, or `too_large`; the signal's
 * reason
 */
export async function openSource(name: string, signal: AbortSignal): Promise<BlobSource> {
  if (name === standardInput) return await spool(Bun.stdin.stream(), signal);
  const found = await stat(name);
  if (found.isDirectory()) throw failure("EISDIR", "it is a directory");
  refuseTooLarge(found.size);
  // A file of the kernel's has no size before it is read.
  if (!found.isFile() || found.size === 0) return await spool(Bun.file(name).stream(), signal);
  return { blob: Bun.file(name).slice(0, found.size), close: async () => {} };
}

/** The bytes of a file, without opening it; null when only reading will tell. */
export async function sizeOf(name: string): Promise<number | null> {
  if (name === standardInput) return null;
  const found = await stat(name).catch(() => null);
  return found?.isFile() === true ? found.size : null;
}

// --- internal ---

async function spool(stream: ReadableStream<Uint8Array>, signal: AbortSignal): Promise<BlobSource> {
  const directory = await mkdtemp(join(tmpdir(), "registry-put-"));
  const path = join(directory, "blob");
  const close = async (): Promise<void> => {
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const bytesTotal = await copy(stream, path, signal);
    return { blob: Bun.file(path).slice(0, bytesTotal), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function copy(
  stream: ReadableStream<Uint8Array>,
  path: string,
  signal: AbortSignal,
): Promise<number> {
  const file = await open(path, "wx", 0o600);
  const reader = stream.getReader();
  const end = (): void => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", end);
  let bytesTotal = 0;
  try {
    for (;;) {
      signal.throwIfAborted();
      const { done, value } = await reader.read();
      if (done) break;
      bytesTotal += value.length;
      refuseTooLarge(bytesTotal);
      await writeAll(file, value);
    }
    signal.throwIfAborted(); // what was cancelled looks as if it were at its end
  } finally {
    signal.removeEventListener("abort", end);
    await file.close();
  }
  return bytesTotal;
}

function refuseTooLarge(bytesTotal: number): void {
  if (bytesTotal <= limits.blobBytesCeiling) return;
  throw failure("too_large", `no registry takes more than ${limits.blobBytesCeiling} bytes`);
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
