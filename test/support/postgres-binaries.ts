import { spawnSync } from "bun";
import { existsSync, lstatSync, readdirSync } from "node:fs";
import { cp, readFile, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { type ServerDirectory, serverEnvironment } from "./postgres-directory.ts";

/** Which PostgreSQL: Debian's newest or else npm's newest, or npm's 12, or npm's newest. */
export type PostgresVersion = "debian-or-newest" | "12" | "newest";

/** Whether `version` can be started here: npm has 12 for linux-x64 only. */
export function hasPostgres(version: PostgresVersion): boolean {
  if (version === "debian-or-newest" && debianDirectory(["postgres", "initdb"]) !== null) {
    return true;
  }
  return npmDirectory(version) !== null;
}

/** A directory with Debian's psql, pg_dump and pg_restore, or null where there is none. */
export function clientTools(): string | null {
  return debianDirectory(["psql", "pg_dump", "pg_restore"]);
}

/**
 * The bin directory of `version`, ready to be run from `directory` by its account; throws when
 * this platform has no such version.
 */
export async function preparedBinaries(
  version: PostgresVersion,
  directory: ServerDirectory,
): Promise<string> {
  const debian = version === "debian-or-newest" ? debianDirectory(["postgres", "initdb"]) : null;
  if (debian !== null) return debian;
  const native = npmDirectory(version);
  if (native === null) {
    throw new Error(`${npmPackage(version)} is not installed: run bun install, if npm has it`);
  }
  if (canRun(directory, native) && (await makeLinks(native))) return join(native, "bin");
  // The checkout is closed to the account, or read-only: about a second for a thousand files.
  const copy = join(directory.path, "distribution");
  await cp(native, copy, { recursive: true, filter: isNeeded });
  await makeLinks(copy);
  return join(copy, "bin");
}

// --- internal ---

const debianRoot = "/usr/lib/postgresql";

function debianDirectory(programs: readonly string[]): string | null {
  if (!existsSync(debianRoot)) return null;
  const versions = readdirSync(debianRoot).filter((name) => /^\d+$/.test(name));
  const directories = versions
    .toSorted((left, right) => Number(right) - Number(left))
    .map((name) => join(debianRoot, name, "bin"));
  return (
    directories.find((path) => programs.every((program) => existsSync(join(path, program)))) ?? null
  );
}

function npmPackage(version: PostgresVersion): string {
  return `postgres-${version === "12" ? "12" : "18"}-${process.platform}-${process.arch}`;
}

function npmDirectory(version: PostgresVersion): string | null {
  try {
    const entry = fileURLToPath(import.meta.resolve(npmPackage(version)));
    const native = join(dirname(entry), "../native");
    return existsSync(native) ? native : null;
  } catch {
    return null;
  }
}

function canRun({ account, path }: ServerDirectory, native: string): boolean {
  const command = ["test", "-x", join(native, "bin/postgres"), "-a", "-r", join(native, "share")];
  return spawnSync(command, { ...account, cwd: path, env: serverEnvironment }).exitCode === 0;
}

/** Leaves out the static libraries, and links, which cp would point at the original. */
function isNeeded(path: string): boolean {
  return !path.endsWith(".a") && !lstatSync(path).isSymbolicLink();
}

/**
 * Does what the package's post-install script would do, which bun does not run, and returns
 * whether all links are there. Two processes may do it at once: each link is made or found.
 */
async function makeLinks(native: string): Promise<boolean> {
  const list = join(native, "pg-symlinks.json");
  if (!existsSync(list)) return true;
  const links = JSON.parse(await readFile(list, "utf8")) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(native, relative("native", target));
    await symlink(relative(dirname(target), source), link).catch(() => null);
    if (!existsSync(link)) return false;
  }
  return true;
}
