import { join } from "node:path";
import { clientTools } from "../../support/postgres-binaries.ts";
import type { Ended } from "./binary.ts";

/** How a command is run. */
export interface CommandOptions {
  readonly stdin?: string | Bun.BunFile;
  /** Besides PATH and HOME, which are all it has. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly directory?: string;
}

/** Runs a command to its end. */
export async function runCommand(
  words: readonly string[],
  { stdin, environment = {}, directory = "/" }: CommandOptions = {},
): Promise<Ended> {
  const child = Bun.spawn([...words], {
    cwd: directory,
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...environment },
    stdin: typeof stdin === "string" ? Buffer.from(stdin) : (stdin ?? "ignore"),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  return { exitCode, stdout, stderr };
}

/** Who connects to which server, as a client program of PostgreSQL is told. */
export interface Login {
  readonly user: string;
  readonly password: string;
  readonly port: number;
}

/** A client program of PostgreSQL with its words, for `login`. */
export function clientCommand(
  program: "psql" | "pg_dump",
  { user, port }: Login,
  words: readonly string[],
): string[] {
  const quiet = program === "psql" ? ["--no-psqlrc", "--set=ON_ERROR_STOP=1"] : [];
  const access = ["-U", user, "-h", "localhost", "-p", String(port)];
  return [join(clientTools() ?? "", program), ...quiet, ...access, ...words];
}
