import { readFileSync } from "node:fs";

/** A watch on how much memory of its own (no files, no shared pages) a process has. */
export interface MemoryWatch {
  /** Ends watching, and gives the most there was, in bytes. */
  peak(): number;
}

const lookEveryMs = 5;

/** Watches a process from now on. */
export function watchMemory(pid: number): MemoryWatch {
  let bytesMax = anonymousBytesOf(pid);
  const look = (): void => {
    bytesMax = Math.max(bytesMax, anonymousBytesOf(pid));
  };
  const timer = setInterval(look, lookEveryMs);
  return {
    peak() {
      clearInterval(timer);
      look();
      return bytesMax;
    },
  };
}

// --- internal ---

function anonymousBytesOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kibibytes = /^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kibibytes === undefined) throw new Error(`process ${pid} has ended`);
  return 1024 * Number(kibibytes);
}
