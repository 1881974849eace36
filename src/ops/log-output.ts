import { fstatSync, write as writeFile } from "node:fs";
import { limits } from "../domain/limits.ts";

/** Takes text and says once, by `done`, when it is gone; with what went wrong, or null. */
export interface LogSink {
  write(text: string, done: (error: Error | null) => void): void;
}

/** Takes lines without ever making whoever writes them wait. */
export interface LogOutput {
  /** Takes a line, newline included; drops it when too much waits already. Never throws. */
  write(line: string): void;
  /** Resolves once nothing waits any more, or after `msMax`. */
  flush(msMax: number): Promise<void>;
  /** How many lines were lost so far: dropped, or failed at by the sink. */
  linesLost(): number;
}

/** What an output is made from. */
export interface LogOutputOptions {
  readonly sink: LogSink;
  /** The line, newline included, that tells how many lines were lost at this place. */
  readonly toLossLine: (lost: number) => string;
  /** How much waits at most, what is on its way included. */
  readonly charactersMax?: number;
}

/**
 * An output with a bound. What its reader does not take in time waits; what is more than may wait
 * is dropped and counted, and so is what the sink fails at. A line in its place tells how many.
 */
export function createLogOutput(options: LogOutputOptions): LogOutput {
  const { sink, toLossLine, charactersMax = limits.logBufferCharactersMax } = options;
  let waiting: Entry[] = [];
  let heldCharacters = 0;
  let lost = 0;
  let lostTotal = 0;
  let isSending = false;
  const flushing: (() => void)[] = [];

  function hold(text: string, told: Omit<Entry, "text">): void {
    waiting.push({ text, ...told });
    heldCharacters += text.length;
  }

  function holdLoss(): void {
    if (lost > 0) hold(toLossLine(lost), { lines: lost, isLossLine: true });
    lost = 0;
  }

  /** What failed came before all that waits, and that before what was dropped. */
  function noteFailed(sent: readonly Entry[]): void {
    const failed = sent.reduce((sum, { lines }) => sum + lines, 0);
    lostTotal += sent.filter(({ isLossLine }) => !isLossLine).length;
    if (waiting.length === 0) {
      lost += failed;
      return;
    }
    const text = toLossLine(failed);
    waiting.unshift({ text, lines: failed, isLossLine: true });
    heldCharacters += text.length;
  }

  function send(): void {
    const sent = waiting;
    waiting = [];
    isSending = true;
    sink.write(sent.map(({ text }) => text).join(""), (error) => {
      isSending = false;
      for (const { text } of sent) heldCharacters -= text.length;
      if (error !== null) noteFailed(sent);
      // After a failure only the next line tries again: there may be nobody left.
      else if (waiting.length === 0) holdLoss();
      if (waiting.length > 0) return send();
      for (const tell of flushing.splice(0)) tell();
    });
  }

  return {
    write(line) {
      if (heldCharacters + line.length > charactersMax) {
        lost += 1;
        lostTotal += 1;
        return;
      }
      holdLoss();
      hold(line, { lines: 1, isLossLine: false });
      if (!isSending) send();
    },
    async flush(msMax) {
      if (!isSending) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      flushing.push(resolve);
      await Promise.race([promise, Bun.sleep(msMax)]);
    },
    linesLost: () => lostTotal,
  };
}

/**
 * The output to the standard output of this process, remembered for `flushLog`. Whoever reads it
 * may stall, be stopped (Ctrl-S), or go away: the registry goes on without.
 */
export function openStandardOutput(toLossLine: (lost: number) => string): LogOutput {
  const output = createLogOutput({ sink: standardSink(), toLossLine });
  opened.push(output);
  return output;
}

/** Waits until the log has reached the standard output, for `msMax` at most. */
export async function flushLog(msMax: number): Promise<void> {
  await Promise.all(opened.map((output) => output.flush(msMax)));
}

/** How many lines for the standard output of this process were lost so far. */
export function logLinesLost(): number {
  return opened.reduce((total, output) => total + output.linesLost(), 0);
}

/**
 * A sink to an open file. Bun writes to terminals and files while everything else waits, for as
 * long as they take nothing; here a thread of its own does.
 */
export function createFileSink(fd: number): LogSink {
  let isWithinLine = false;

  function put(rest: Buffer, done: (error: Error | null) => void): void {
    writeFile(fd, rest, 0, rest.length, null, (error, taken) => {
      if (error?.code === "EAGAIN" || error?.code === "EINTR") {
        setTimeout(put, againMs, rest, done);
        return;
      }
      if (error !== null) return done(error);
      if (taken > 0) isWithinLine = rest[taken - 1] !== newline;
      if (taken < rest.length) return put(rest.subarray(taken), done);
      done(null);
    });
  }

  return {
    // What failed may have left a part of a line.
    write: (text, done) => put(Buffer.from(isWithinLine ? `\n${text}` : text), done),
  };
}

// --- internal ---

interface Entry {
  readonly text: string;
  /** How many lines it stands for: itself, or those that it tells are lost. */
  readonly lines: number;
  readonly isLossLine: boolean;
}

const opened: LogOutput[] = [];
const standardOutputFd = 1;
const newline = 10;
/** How soon a file that could take nothing is tried again. */
const againMs = 20;

function standardSink(): LogSink {
  if (!isPipeOrSocket(standardOutputFd)) return createFileSink(standardOutputFd);
  const stream = process.stdout;
  if (!stream.listeners("error").includes(ignore)) stream.on("error", ignore);
  // Bun never waits for a pipe, nor does it bound what waits for one.
  return { write: (text, done) => stream.write(text, (error) => done(error ?? null)) };
}

function isPipeOrSocket(fd: number): boolean {
  try {
    const found = fstatSync(fd);
    return found.isFIFO() || found.isSocket();
  } catch {
    return false;
  }
}

/** `done` hears of it. */
function ignore(): void {}
