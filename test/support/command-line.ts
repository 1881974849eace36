import { join } from "node:path";

/** How `registry` is run. */
export interface CommandOptions {
  /** Besides PATH and TMPDIR, which are all it has. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly directory?: string;
  readonly stdin?: Uint8Array | ReadableStream<Uint8Array>;
}

/** What became of a command that ended. */
export interface EndedCommand {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command under way. */
export interface RunningCommand {
  readonly ended: Promise<EndedCommand & { readonly bytes: Uint8Array }>;
  signal(name: NodeJS.Signals): void;
}

const main = join(import.meta.dir, "../../src/main.ts");

/** Runs `registry` with these words, from the source. */
export function launchCommand(
  words: readonly string[],
  { environment = {}, directory = "/", stdin }: CommandOptions = {},
): RunningCommand {
  const child = Bun.spawn([process.execPath, main, ...words], {
    cwd: directory,
    env: {
      PATH: process.env["PATH"] ?? "",
      TMPDIR: process.env["TMPDIR"] ?? "/tmp",
      ...environment,
    },
    stdin: stdin ?? "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const ending = Promise.all([child.stdout.bytes(), child.stderr.text(), child.exited]);
  return {
    ended: ending.then(([bytes, stderr, exitCode]) => ({
      exitCode,
      stdout: Buffer.from(bytes).toString(),
      stderr,
      bytes,
    })),
    signal: (name) => void process.kill(child.pid, name),
  };
}

/** Runs it to its end. */
export async function runCommandLine(
  words: readonly string[],
  options?: CommandOptions,
): Promise<EndedCommand> {
  const { exitCode, stdout, stderr } = await launchCommand(words, options).ended;
  return { exitCode, stdout, stderr };
}

/** What is told of wrong usage. */
export function usageError(message: string): EndedCommand {
  return { exitCode: 2, stdout: "", stderr: `registry: ${message}\nsee registry --help\n` };
}
