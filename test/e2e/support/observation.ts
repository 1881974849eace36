/** A line of the log, as JSON holds it. */
type LogLine = Readonly<Record<string, unknown>>;

/** A running registry, seen from outside. */
export interface Registry {
  readonly pid: number;
  /** Resolves with what the log said; rejects with all it said when it ends before. */
  readonly listening: Promise<LogLine>;
  /** Its port and the URL of its API on this machine, once it listens. */
  port(): number;
  api(): string;
  /** What it wrote so far. */
  stdout(): string;
  stderr(): string;
  lines(): LogLine[];
  /** Resolves with the exit code (128 and more: a signal) once it has ended and all is read. */
  readonly ended: Promise<number>;
  /** Sends a signal, and resolves with the exit code. */
  kill(signal?: NodeJS.Signals): Promise<number>;
}

type Child = Bun.Subprocess<"ignore", "pipe", "pipe">;

/** Reads what a registry says, from now to its end. */
export function observe(child: Child): Registry {
  let stdout = "";
  let stderr = "";
  let found: LogLine | null = null;
  const { promise: listening, resolve, reject } = Promise.withResolvers<LogLine>();
  listening.catch(() => {}); // whoever awaits it hears of it

  const reading = Promise.all([
    eachPiece(child.stdout, (text) => {
      stdout += text;
      found ??= linesOf(stdout).find(({ message }) => message === "listening") ?? null;
      if (found !== null) resolve(found);
    }),
    eachPiece(child.stderr, (text) => {
      stderr += text;
    }),
  ]);

  const ended = reading.then(async () => {
    const exitCode = await child.exited;
    reject(new Error(`the registry ended with ${exitCode}\n${stdout}${stderr}`));
    return exitCode;
  });

  function port(): number {
    if (found === null) throw new Error("the registry does not listen yet");
    return Number(new URL(String(found["url"])).port);
  }

  return {
    pid: child.pid,
    listening,
    port,
    api: () => `http://localhost:${port()}/api/v1/metadata`,
    stdout: () => stdout,
    stderr: () => stderr,
    lines: () => linesOf(stdout),
    ended,
    async kill(signal = "SIGTERM") {
      child.kill(signal);
      return await ended;
    },
  };
}

// --- internal ---

function linesOf(stdout: string): LogLine[] {
  const whole = stdout.slice(0, stdout.lastIndexOf("\n") + 1);
  const texts = whole.split("\n").filter((text) => text.startsWith("{"));
  return texts.map((text) => JSON.parse(text) as LogLine);
}

async function eachPiece(stream: ReadableStream<Uint8Array>, take: (text: string) => void) {
  const decoder = new TextDecoder();
  for await (const piece of stream) take(decoder.decode(piece, { stream: true }));
}
