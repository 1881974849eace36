import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { PostgresServer } from "../../support/postgres.ts";

/** Where the files of a running server are. */
export async function dataDirectoryOf(server: PostgresServer): Promise<string> {
  const [row] = await server.query("SHOW data_directory");
  return String(row?.["data_directory"]);
}

/** Ends every process of a server at once, by SIGKILL; nothing is written any more. */
export async function killPostgres(dataDirectory: string): Promise<void> {
  const pidFile = readFileSync(join(dataDirectory, "postmaster.pid"), "utf8");
  const postmaster = Number(pidFile.split("\n")[0]);
  process.kill(postmaster, "SIGSTOP"); // or it would start new ones meanwhile
  const pids = [...childrenOf(postmaster), postmaster];
  for (const pid of pids) killIfThere(pid);
  while (pids.some(isThere)) await Bun.sleep(5);
  await Bun.sleep(20); // whoever started it hears of its end
}

// --- internal ---

function childrenOf(pid: number): number[] {
  const list = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return list.split(" ").filter(Boolean).map(Number);
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}

function isThere(pid: number): boolean {
  if (!existsSync(`/proc/${pid}`)) return false;
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
