import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { observe, type Registry } from "./observation.ts";

/** How a binary is run. */
export interface RunOptions {
  /** Besides PATH and HOME, which are all it has. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Where it is run; a new empty directory when left out. */
  readonly directory?: string;
  /** A command that ends by running the words after it, in the same process. */
  readonly wrapper?: readonly string[];
}

/** What became of a process that ended. */
export interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A place for the compiled binary and for everything that its runs leave behind. */
export interface BinaryHome {
  /** A directory that anybody may enter. */
  readonly path: string;
  /** The binary, alone: nothing of what it was built from is near. */
  readonly binary: string;
  /** A new empty directory, given to nobody if the tests run as root and `owner` is "nobody". */
  newDirectory(owner?: "nobody"): string;
  /** Runs it and waits until it listens. @throws Error with what it said when it ends instead */
  start(args: readonly string[], options?: RunOptions): Promise<Registry>;
  /** Runs it without waiting. */
  launch(args: readonly string[], options?: RunOptions): Registry;
  /** Runs it to its end. */
  run(args: readonly string[], options?: RunOptions): Promise<Ended>;
  /** Ends what still runs, and deletes everything. */
  remove(): Promise<void>;
}

/** Lets the system choose a port. */
export const anyPort = ["--port", "0"] as const;

/** The user and group `nobody`, by number. */
const nobody = 65_534;

/** Runs what follows as nobody; only root can. */
export const asNobody = ["setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"];

/** Copies the binary into a new directory. @throws Error when it has not been built */
export function createBinaryHome(): BinaryHome {
  const built = process.env["REGISTRY_BINARY"] ?? join(import.meta.dir, "../../../dist/registry");
  if (!existsSync(built)) throw new Error(`there is no ${built}; build it: bun run build`);
  const path = mkdtempSync(join(tmpdir(), "mycelium-binary-"));
  chmodSync(path, 0o755);
  const binary = join(path, "registry");
  copyFileSync(built, binary);
  chmodSync(binary, 0o755);
  const running = new Set<Registry>();
  let directories = 0;

  function newDirectory(owner?: "nobody"): string {
    directories += 1;
    const directory = join(path, String(directories));
    mkdirSync(directory);
    if (owner === "nobody" && process.getuid?.() === 0) chownSync(directory, nobody, nobody);
    return directory;
  }

  function launch(args: readonly string[], options: RunOptions = {}): Registry {
    const { environment = {}, directory = newDirectory(), wrapper = [] } = options;
    const registry = observe(
      Bun.spawn([...wrapper, binary, ...args], {
        cwd: directory,
        env: {
          PATH: process.env["PATH"],
          HOME: process.env["HOME"],
          // Several run at a time, and the default is one port.
          REGISTRY_METRICS_PORT: "0",
          ...environment,
        },
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      }),
    );
    running.add(registry);
    void registry.ended.then(() => running.delete(registry));
    return registry;
  }

  return {
    path,
    binary,
    newDirectory,
    launch,
    async start(args, options) {
      const registry = launch(args, options);
      await registry.listening;
      return registry;
    },
    async run(args, options) {
      const registry = launch(args, options);
      const exitCode = await registry.ended;
      return { exitCode, stdout: registry.stdout(), stderr: registry.stderr() };
    },
    async remove() {
      await Promise.all(Array.from(running, (registry) => registry.kill("SIGKILL")));
      await rm(path, { recursive: true, force: true });
    },
  };
}
