import { freePort } from "../../support/ports.ts";
import type { BinaryHome } from "../../e2e/support/binary.ts";
import type { Registry } from "../../e2e/support/observation.ts";
import { readFileSync } from "node:fs";

/** A registry, the real binary, that may be ended and started again on its port. */
export interface Node {
  readonly url: string;
  readonly api: string;
  isUp(): boolean;
  /** Starts it, and waits until it listens. @throws Error with what it said when it ends instead */
  start(): Promise<void>;
  /** Ends it at once, by SIGKILL. */
  kill(): Promise<void>;
  /** Ends it by SIGTERM; gives the exit code. */
  stop(): Promise<number>;
  /** Memory of its own, no files and no shared pages. */
  memoryBytes(): number;
  /** What it logged since it was started last. */
  log(): string;
}

/** Starts one with these words. */
export async function startNode(
  home: BinaryHome,
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Node> {
  const port = await freePort();
  const address = ["--host", "127.0.0.1", "--port", String(port), "--log-format", "json"];
  const directory = home.newDirectory();
  let registry: Registry | null = null;

  function running(): Registry {
    if (registry === null) throw new Error("the registry does not run");
    return registry;
  }

  async function end(signal: NodeJS.Signals): Promise<number> {
    const exitCode = await running().kill(signal);
    registry = null;
    return exitCode;
  }

  const node: Node = {
    url: `http://127.0.0.1:${port}`,
    api: `http://127.0.0.1:${port}/api/v1/metadata`,
    isUp: () => registry !== null,
    async start() {
      const all = ["serve", ...words, ...address, "--slow-request", "0s"];
      registry = await home.start(all, { environment, directory });
    },
    kill: async () => void (await end("SIGKILL")),
    stop: async () => await end("SIGTERM"),
    memoryBytes: () => anonymousBytesOf(running().pid),
    log: () => running().stdout(),
  };
  await node.start();
  return node;
}

// --- internal ---

function anonymousBytesOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return 1024 * Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1]);
}
