import { readFileSync, readdirSync } from "node:fs";

/** CPU time that these processes have used, in microseconds; Linux counts in ticks of 10 ms. */
export function cpuUsOf(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const fields = statFields(pid);
    ticks += Number(fields[11] ?? 0) + Number(fields[12] ?? 0); // utime, stime
  }
  return (ticks * 1e6) / ticksPerSecond;
}

/** The processes that `pid` started and that still run. */
export function childrenOf(pid: number): number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((child) => Number(statFields(child)[1]) === pid);
}

/** Memory of these processes that is no file's, in bytes. */
export function anonymousBytesOf(pids: readonly number[]): number {
  let kibibytes = 0;
  for (const pid of pids) {
    const [, size = "0"] = /^RssAnon:\s+(\d+) kB/m.exec(readText(`/proc/${pid}/status`)) ?? [];
    kibibytes += Number(size);
  }
  return kibibytes * 1024;
}

/** Looks at the memory of processes again and again. */
export interface PeakWatch {
  /** The highest sum seen, in bytes. Ends the watch. */
  stop(): number;
}

/** Begins to watch the memory of processes; `pids` is asked anew each time. */
export function watchPeak(pids: () => readonly number[], everyMs = 20): PeakWatch {
  let peak = 0;
  const look = (): void => {
    peak = Math.max(peak, anonymousBytesOf(pids()));
  };
  const timer = setInterval(look, everyMs);
  return {
    stop() {
      clearInterval(timer);
      look();
      return peak;
    },
  };
}

// --- internal ---

/** USER_HZ: the same on every Linux that Bun runs on. */
const ticksPerSecond = 100;

/** The fields of /proc/PID/stat after the name: state, parent, … */
function statFields(pid: number): string[] {
  const text = readText(`/proc/${pid}/stat`);
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** Empty when the process has gone. */
function readText(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
