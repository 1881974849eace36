import { readdirSync, readFileSync } from "node:fs";
import type { PostgresServer } from "./postgres.ts";

/**
 * Stops all processes of a server where they are (SIGSTOP), as a hung disk or machine would;
 * connections stay open, and nothing is answered.
 * @returns what lets them go on
 */
export async function freeze(server: PostgresServer): Promise<() => void> {
  const [row] = await server.query("SELECT pg_backend_pid() AS pid");
  const postmaster = parentOf(Number(row?.["pid"]));
  // The parent first: it would start what it misses anew.
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
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  } catch {
    return Number.NaN; // it has ended
  }
}
