import type { FileHandle } from "node:fs/promises";

/** Writes all of `bytes` behind what was written before; a system may take less at once. */
export async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += (await file.write(bytes, written, bytes.length - written)).bytesWritten;
  }
}
