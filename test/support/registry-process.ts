import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { LogLine } from "./registry.ts";

/** A registry in a process of its own, from the source. */
export interface RegistryProcess {
  readonly pid: number;
  /** Where it listens; rejects with what it said when it ends before. */
  readonly listening: Promise<{
    readonly url: string;
    readonly api: string;
    readonly port: number;
  }>;
  /** What it logged so far. */
  readonly lines: readonly LogLine[];
  /** What it wrote to standard error so far. */
  errorText(): string;
  /** Resolves with the first line, logged already or later, that `matches`. */
  line(matches: (line: LogLine) => boolean): Promise<LogLine>;
  /** As `line`, by the message. */
  message(text: string): Promise<LogLine>;
  /** Resolves with the exit code. */
  readonly exited: Promise<number>;
  signal(name: NodeJS.Signals): void;
  /** Ends it at once; for clearing up. */
  kill(): Promise<void>;
  /** Memory that is its own, in bytes: no files, no shared pages. */
  anonymousBytes(): number;
}

export interface RegistryProcessOptions {
  /** Variables besides PATH and TMPDIR. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Scripts run before it. */
  readonly preload?: readonly string[];
}

const main = join(import.meta.dir, "../../src/main.ts");

/** Runs `registry` with these words; by default on a free port of 127.0.0.1. */
export function startRegistryProcess(
  args: readonly string[],
  options: RegistryProcessOptions = {},
): RegistryProcess {
  const { environment = {}, preload = [] } = options;
  const bun = [process.execPath, ...preload.flatMap((file) => ["--preload", file])];
  const child = Bun.spawn([...bun, main, ...withDefaults(args)], {
    env: {
      PATH: process.env["PATH"] ?? "",
      TMPDIR: process.env["TMPDIR"] ?? "/tmp",
      REGISTRY_SLOW_REQUEST: "0s", // the machine may be
      ...environment,
    },
    stdout: "pipe",
    stderr: "pipe",
  });
  const lines: LogLine[] = [];
  const waiting = new Set<() => void>();
  const told = (): void => {
    for (const look of waiting) look();
  };
  let isOver = false;
  let errors = "";
  const ended = Promise.all([
    eachLine(child.stdout, (text) => {
      lines.push(toLine(text));
      told();
    }),
    eachLine(child.stderr, (text) => {
      errors += `${text}\n`;
    }),
  ]).finally(() => {
    isOver = true;
    told();
  });

  function line(matches: (line: LogLine) => boolean): Promise<LogLine> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = lines.find(matches);
        if (found === undefined && !isOver) return;
        waiting.delete(look);
        if (found !== undefined) resolve(found);
        else reject(new Error(`the registry ended\n${JSON.stringify(lines, null, 1)}\n${errors}`));
      };
      waiting.add(look);
      look();
    });
  }

  const message = (text: string): Promise<LogLine> => line((found) => found["message"] === text);
  const listening = message("listening").then((found) => {
    const url = String(found["url"]);
    return { url, api: `${url}/api/v1/metadata`, port: Number(new URL(url).port) };
  });
  listening.catch(() => {}); // whoever awaits it hears of it
  return {
    pid: child.pid,
    listening,
    lines,
    errorText: () => errors,
    line,
    message,
    exited: ended.then(() => child.exited),
    // Not child.kill: it sends nothing when it has been called before.
    signal: (name) => {
      if (child.exitCode === null) process.kill(child.pid, name);
    },
    async kill() {
      child.kill("SIGKILL");
      await child.exited;
    },
    anonymousBytes: () => anonymousBytesOf(child.pid),
  };
}

// --- internal ---

function withDefaults(args: readonly string[]): string[] {
  const address = ["--host", "127.0.0.1", "--port", "0", "--metrics-port", "0"];
  const defaults = [...address, "--log-format", "json"];
  const words = [...args];
  for (let index = 0; index < defaults.length; index += 2) {
    const [name = "", value = ""] = defaults.slice(index, index + 2);
    if (!args.includes(name)) words.push(name, value);
  }
  return words;
}

async function eachLine(stream: ReadableStream<Uint8Array>, take: (text: string) => void) {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of stream) {
    const texts = (rest + decoder.decode(piece, { stream: true })).split("\n");
    rest = texts.pop() ?? "";
    for (const text of texts) take(text);
  }
  if (rest !== "") take(rest);
}

/** A line that is no JSON is kept as it is: with --log-format text, or when something else spoke. */
function toLine(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return { text };
  }
}

function anonymousBytesOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kibibytes = /^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kibibytes === undefined) throw new Error(`no RssAnon in /proc/${pid}/status`);
  return Number(kibibytes) * 1024;
}
