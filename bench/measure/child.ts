/** A process that we started. It ends with us at the latest. */
export interface Child {
  readonly pid: number;
  write(text: string): void;
  /** The next line of its output; rejects with what it said on stderr when it has ended. */
  line(): Promise<string>;
  /** Asks it to end, and resolves when it has; kills it when it takes too long. */
  stop(): Promise<void>;
}

/** How a process is run: with PATH and HOME, so that none of our settings slips in. */
export interface ChildOptions {
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

const stopMsMax = 15_000;
const linesKept = 200;
const running = new Set<Bun.Subprocess>();

process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Starts a process. What it says is read at once, so that no full pipe holds it up. */
export function spawnChild({ command, environment = {} }: ChildOptions): Child {
  const child = Bun.spawn([...command], {
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...environment },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  });
  running.add(child);
  const lines: string[] = [];
  const complaints: string[] = [];
  let wake: (() => void) | null = null;
  let hasEnded = false;
  const reading = readOutput();

  async function readOutput(): Promise<void> {
    const output = eachLine(child.stdout, (text) => {
      keep(lines, text);
      wake?.();
    });
    await Promise.all([output, eachLine(child.stderr, (text) => keep(complaints, text))]);
    await child.exited;
    hasEnded = true;
    running.delete(child);
    wake?.();
  }

  async function line(): Promise<string> {
    for (;;) {
      const next = lines.shift();
      if (next !== undefined) return next;
      if (hasEnded) throw new Error(`${ending()}\n${complaints.join("\n")}`);
      await new Promise<void>((resolve) => (wake = resolve));
    }
  }

  function ending(): string {
    return `${command.join(" ")} ended with ${child.exitCode ?? child.signalCode}`;
  }

  return {
    pid: child.pid,
    write(text) {
      void child.stdin.write(text);
      void child.stdin.flush();
    },
    line,
    async stop() {
      const tooLate = setTimeout(() => child.kill("SIGKILL"), stopMsMax);
      child.kill("SIGTERM");
      await reading;
      clearTimeout(tooLate);
    },
  };
}

// --- internal ---

function keep(lines: string[], line: string): void {
  lines.push(line);
  if (lines.length > linesKept) lines.shift();
}

async function eachLine(stream: ReadableStream<Uint8Array>, take: (line: string) => void) {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const parts = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    parts.forEach(take);
  }
}
