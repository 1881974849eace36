// Preloaded by `bun run start`. `npx bun@… run start` stands two processes above the server, and
// when npx is told to stop it does not tell them: the server would keep its port, with nobody left
// to stop it. So the server stops, as by SIGTERM, soon after a process above it is gone.

import { spawnSync } from "bun";
import { existsSync, readFileSync } from "node:fs";

const lookEveryMs = 500;

// Only below npx: whoever starts Bun from a shell may leave that shell and keep the server.
// (`bun run` leaves npm's user agent as it is.)
if (process.env["npm_config_user_agent"]?.startsWith("npm/") === true) {
  const runner = process.ppid;
  const starter = parentOf(runner);
  const timer = setInterval(() => {
    if (parentOf(process.pid) === runner && parentOf(runner) === starter) return;
    clearInterval(timer);
    process.kill(process.pid, "SIGTERM");
  }, lookEveryMs);
  timer.unref();
}

/** The parent of a process, or null when there is none to be found. */
function parentOf(id: number): number | null {
  if (!existsSync("/proc/self/stat")) {
    return toNumber(spawnSync(["ps", "-o", "ppid=", "-p", `${id}`]).stdout.toString());
  }
  try {
    const text = readFileSync(`/proc/${id}/stat`, "latin1");
    // The name, in brackets, may hold anything; then come the state and the parent.
    return toNumber(text.slice(text.lastIndexOf(")") + 2).split(" ")[1] ?? "");
  } catch {
    return null;
  }
}

function toNumber(text: string): number | null {
  const number = Number.parseInt(text, 10);
  return Number.isNaN(number) ? null : number;
}
