import { readdirSync, readFileSync } from "node:fs";
import type { PostgresServer } from "./postgres.ts";

/**
 * Stops all processes of a server where they are (SIGSTOP), as a hung disk or machine would;
 * connections stay open, and nothing is answered.
 * @returns what lets them go on
 */
export async function freeze(server: PostgresServer): Promise<() => void> {
  // Its own word, since the session that we ask by may have ended before we look for its parent.
  const [row] = await server.query("SELECT pg_read_file('postmaster.pid') AS text");
  const postmaster = Number.parseInt(String(row?.["text"]), 10);
  // The parent first, and only then its children: it would start others anew.
  signal(postmaster, "SIGSTOP");
  while (stateOf(postmaster) !== "T") await Bun.sleep(1);
  const pids = [postmaster, ...childrenOf(postmaster)];
  for (const pid of pids) signal(pid, "SIGSTOP");
  return () => {
    for (const pid of pids) signal(pid, "SIGCONT");
  };
}

// --- internal ---

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended meanwhile, as the session that we asked by has.
  }
}

function childrenOf(parent: number): number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => parentOf(pid) === parent);
}

function parentOf(pid: number): number {
  return Number(fieldOf(pid, "PPid"));
}

/** `T`: stopped. */
function stateOf(pid: number): string | null {
  return fieldOf(pid, "State")?.charAt(0) ?? null;
}

/** A line of proc(5)'s status; null when the process has ended. */
function fieldOf(pid: number, name: string): string | null {
  try {
    const text = readFileSync(`/proc/${pid}/status`, "utf8");
    return new RegExp(`^${name}:\\s+(.+)$`, "m").exec(text)?.[1] ?? null;
  } catch {
    return null;
  }
}
