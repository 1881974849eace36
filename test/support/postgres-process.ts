import { closeSync, existsSync, openSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "./ports.ts";
import { type ServerDirectory, serverEnvironment } from "./postgres-directory.ts";

/** The server process of one data directory. */
export interface PostgresProcess {
  readonly port: number;
  /** Does nothing when it runs; throws with the tail of the server's log when it does not start. */
  start(): Promise<void>;
  /** Returns when the process has ended; does nothing when none runs. */
  stop(mode: "fast" | "immediate"): Promise<void>;
}

/** Runs a program of PostgreSQL as the server's account; throws with what it said if it fails. */
export async function runProgram(
  directory: ServerDirectory,
  command: readonly string[],
): Promise<void> {
  const child = Bun.spawn([...command], {
    ...spawnOptions(directory),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  if ((await child.exited) === 0) return;
  throw new Error(`${command[0]} ended with ${child.exitCode}\n${output}${errors}`);
}

/** Starts the server on a free port, which it keeps over stop and start. */
export async function createPostgresProcess(
  directory: ServerDirectory,
  binDirectory: string,
): Promise<PostgresProcess> {
  let child: Bun.Subprocess | null = null;
  const launchOn = async (port: number): Promise<void> => {
    child = await launched(directory, [join(binDirectory, "postgres"), "-p", String(port)]);
  };

  let port = 0;
  await retriedWhileTaken(5, async () => {
    port = await freePort();
    await launchOn(port);
  });

  return {
    port,
    async start() {
      if (child !== null && isRunning(child)) return;
      // Somebody's outgoing connection may hold the port for a moment.
      await retriedWhileTaken(100, () => launchOn(port));
    },
    async stop(mode) {
      if (child === null || !isRunning(child)) return;
      child.kill(mode === "fast" ? "SIGINT" : "SIGQUIT");
      const tooLate = setTimeout(() => child?.kill("SIGKILL"), stopMsMax);
      await child.exited;
      clearTimeout(tooLate);
      if (child.signalCode === "SIGKILL") {
        throw new Error(`PostgreSQL had to be killed\n${logTail(directory, 0)}`);
      }
    },
  };
}

// --- internal ---

const startMsMax = 60_000;
const stopMsMax = 30_000;
const logTailBytesMax = 4_000;

class PortTakenError extends Error {}

function isRunning(child: Bun.Subprocess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

function spawnOptions(directory: ServerDirectory) {
  // Our own working directory may be closed to the server's account, and PostgreSQL 12 minds.
  const { account, path } = directory;
  return { ...account, cwd: path, env: serverEnvironment, stdin: "ignore" } as const;
}

async function launched(
  directory: ServerDirectory,
  command: readonly string[],
): Promise<Bun.Subprocess> {
  const data = join(directory.path, "data");
  const logFile = join(directory.path, "log");
  const log = openSync(logFile, "a");
  const logStart = statSync(logFile).size;
  const child = Bun.spawn([...command, "-D", data], {
    ...spawnOptions(directory),
    stdout: log,
    stderr: log,
    // Its own session, so that Ctrl-C ends it by way of the directory's remover alone.
    detached: true,
  });
  closeSync(log);
  child.unref();
  const deadline = Date.now() + startMsMax;
  while (isRunning(child) && Date.now() < deadline) {
    if (isReady(data, child.pid)) return child;
    await Bun.sleep(5);
  }
  child.kill("SIGQUIT");
  await child.exited;
  const tail = logTail(directory, logStart);
  if (tail.includes("Address already in use")) throw new PortTakenError(tail);
  throw new Error(`PostgreSQL did not start (${child.exitCode ?? child.signalCode})\n${tail}`);
}

/** PostgreSQL writes its state into the last line of its pid file, from version 10 on. */
function isReady(data: string, pid: number): boolean {
  const file = join(data, "postmaster.pid");
  if (!existsSync(file)) return false;
  const lines = readFileSync(file, "utf8").split("\n");
  return lines[0] === String(pid) && lines[7]?.trim() === "ready";
}

function logTail(directory: ServerDirectory, start: number): string {
  const log = readFileSync(join(directory.path, "log")).subarray(start);
  return log.subarray(-logTailBytesMax).toString();
}

async function retriedWhileTaken(attemptsMax: number, launch: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await launch();
    } catch (error) {
      if (!(error instanceof PortTakenError) || attempt === attemptsMax) throw error;
      await Bun.sleep(100);
    }
  }
}
