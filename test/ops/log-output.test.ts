import { afterEach, describe, expect, it } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { createFileSink, createLogOutput, type LogSink } from "../../src/ops/log-output.ts";
import { eventually, temporaryDirectory, type LogLine } from "../support/registry.ts";

const log = Bun.fileURLToPath(import.meta.resolve("../../src/ops/log.ts"));
const output = Bun.fileURLToPath(import.meta.resolve("../../src/ops/log-output.ts"));
const main = Bun.fileURLToPath(import.meta.resolve("../../src/main.ts"));
const mebibyte = 1024 * 1024;

let directories: string[] = [];
afterEach(() => {
  for (const directory of directories) rmSync(directory, { recursive: true });
  directories = [];
});

function newDirectory(): string {
  const directory = temporaryDirectory();
  directories.push(directory);
  return directory;
}

/** A sink that takes a text only when it is told to, or told to fail. */
function createSlowSink() {
  const texts: string[] = [];
  const pending: ((error: Error | null) => void)[] = [];
  const sink: LogSink = {
    write(text, done) {
      texts.push(text);
      pending.push(done);
    },
  };
  const step = (error: Error | null = null): void => pending.shift()?.(error);
  return { sink, texts, step, isBusy: () => pending.length > 0 };
}

const toLossLine = (lost: number): string => `lost ${lost}\n`;

describe("createLogOutput", () => {
  it("sends what comes meanwhile in one piece, in order", () => {
    const { sink, texts, step } = createSlowSink();
    const { write } = createLogOutput({ sink, toLossLine });
    for (const line of ["a\n", "b\n", "c\n"]) write(line);
    step();
    expect(texts).toEqual(["a\n", "b\nc\n"]);
  });

  it("holds exactly its bound, and tells how many lines were lost beyond it, where", () => {
    const { sink, texts, step } = createSlowSink();
    const { write, linesLost } = createLogOutput({ sink, toLossLine, charactersMax: 6 });
    for (const line of ["a\n", "b\n", "c\n", "d\n", "e\n"]) write(line);
    step();
    write("f\n");
    step();
    step();
    expect(texts).toEqual(["a\n", "b\nc\n", "lost 2\nf\n"]);
    expect(linesLost()).toBe(2);
  });

  it("tells of a loss as soon as there is room, if no line comes any more", () => {
    const { sink, texts, step, isBusy } = createSlowSink();
    const { write } = createLogOutput({ sink, toLossLine, charactersMax: 2 });
    for (const line of ["a\n", "b\n"]) write(line);
    step();
    expect(texts).toEqual(["a\n", "lost 1\n"]);
    step();
    expect(isBusy()).toBe(false);
  });

  it("counts what the sink fails at as lost, and tries again with the next line only", () => {
    const { sink, texts, step, isBusy } = createSlowSink();
    const { write, linesLost } = createLogOutput({ sink, toLossLine });
    for (const line of ["a\n", "b\n", "c\n"]) write(line);
    step(new Error("EPIPE"));
    step(new Error("EPIPE"));
    expect(isBusy()).toBe(false);
    write("d\n");
    step(new Error("EPIPE"));
    write("e\n");
    expect(texts.slice(2)).toEqual(["lost 3\nd\n", "lost 4\ne\n"]);
    expect(linesLost()).toBe(4);
  });

  it("flush waits until all is gone, but no longer than it is told", async () => {
    const { sink, step } = createSlowSink();
    const { write, flush } = createLogOutput({ sink, toLossLine });
    await flush(1_000_000);
    write("a\n");
    write("b\n");
    await flush(1);
    let isFlushed = false;
    const flushing = flush(1_000_000).then(() => (isFlushed = true));
    step();
    await Bun.sleep(0);
    expect(isFlushed).toBe(false);
    step();
    await flushing;
  });

  it("delivers in order, or counts, every line, whatever the reader does", () => {
    const steps = fc.array(
      fc.oneof(fc.constant("line"), fc.constant("take"), fc.constant("fail")),
      {
        maxLength: 60,
      },
    );
    fc.assert(
      fc.property(steps, fc.integer({ min: 3, max: 40 }), (todo, charactersMax) => {
        const delivered: string[] = [];
        const pending: { text: string; done: (error: Error | null) => void }[] = [];
        const sink: LogSink = { write: (text, done) => pending.push({ text, done }) };
        const { write } = createLogOutput({ sink, toLossLine, charactersMax });
        let written = 0;
        const take = (error: Error | null): void => {
          const { text, done } = pending.shift() ?? { text: "", done: () => {} };
          if (error === null) delivered.push(...text.split("\n").slice(0, -1));
          done(error);
        };
        for (const step of todo) {
          if (step === "line") write(`${(written += 1)}\n`);
          else take(step === "fail" ? new Error("EPIPE") : null);
          expect(pending.length).toBeLessThanOrEqual(1);
        }
        while (pending.length > 0) take(null);
        write(`${(written += 1)}\n`);
        while (pending.length > 0) take(null);
        let at = 0;
        for (const line of delivered) {
          const lost = /^lost (\d+)$/.exec(line)?.[1];
          at += Number(lost ?? 1);
          if (lost === undefined) expect(Number(line)).toBe(at);
        }
        expect(at).toBe(written);
      }),
    );
  });
});

describe("createFileSink", () => {
  it("writes all, and begins a new line after one that broke off", async () => {
    const path = join(newDirectory(), "log");
    const fd = openSync(path, "w");
    const sink = createFileSink(fd);
    const write = (text: string) =>
      new Promise<Error | null>((resolve) => sink.write(text, resolve));
    expect(await write("whole\n")).toBeNull();
    expect(await write("brok")).toBeNull();
    expect(await write("next\n")).toBeNull();
    closeSync(fd);
    expect(await write("gone\n")).toMatchObject({ code: "EBADF" });
    expect(await Bun.file(path).text()).toBe("whole\nbrok\nnext\n");
  });
});

/** Logs 200 MiB in pieces between which others get their turn, then tells how it went. */
const flood = `
  import { createLog } from ${JSON.stringify(log)};
  import { flushLog } from ${JSON.stringify(output)};
  const log = createLog({ level: "info", format: "json" });
  const text = "x".repeat(8000);
  for (let turn = 0; turn < 250; turn += 1) {
    for (let line = 0; line < 100; line += 1) log.info("flood", { text });
    await new Promise((resolve) => setTimeout(resolve));
  }
  await flushLog(100);
  process.stderr.write(JSON.stringify({ rss: process.memoryUsage.rss() }) + "\\n");
  process.exit(0);`;

describe("the standard output", () => {
  const runShell = async (shell: string): Promise<string> => {
    const child = Bun.spawn(["sh", "-c", shell, process.execPath, flood], { stderr: "pipe" });
    return await child.stderr.text();
  };
  const run = '"$0" -e "$1"';

  it.each([
    ["a pipe whose reader sleeps", `mkfifo f; sleep 600 < f & ${run} > f; kill $!`],
    ["a reader that takes one line", `${run} | head -1 | wc -c >/dev/null`],
    ["nothing: closed", `${run} >&-`],
    ["a full disk", `${run} > /dev/full`],
  ])("as %s: the flood ends, and nothing grows", async (_, shell) => {
    const text = await runShell(`cd ${newDirectory()}; ${shell}`);
    expect(JSON.parse(text).rss).toBeLessThan(180 * mebibyte);
  });

  it.skipIf(Bun.which("script") === null)("as a stopped terminal: so, too", async () => {
    const directory = newDirectory();
    const [program, told] = [join(directory, "flood.ts"), join(directory, "told")];
    writeFileSync(program, flood);
    // `script` gives it a terminal, whose output goes where nobody reads.
    const { reader, writer } = openPipe(directory);
    const command = `exec ${process.execPath} ${program} 2>${told}`;
    const child = Bun.spawn(["script", "-qfec", command, "/dev/null"], {
      stdout: writer,
      stderr: "ignore",
      env: { ...process.env, SHELL: "/bin/sh" },
    });
    const text = (): string => (existsSync(told) ? readFileSync(told, "utf8") : "");
    await eventually(() => text().endsWith("\n"));
    expect(JSON.parse(text()).rss).toBeLessThan(180 * mebibyte);
    child.kill("SIGKILL");
    closeSync(writer);
    closeSync(reader);
  });
});

/** A pipe that nobody reads unless the test does. */
function openPipe(directory: string): { readonly reader: number; readonly writer: number } {
  const path = join(directory, "fifo");
  spawnSync("mkfifo", [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { reader, writer: openSync(path, constants.O_WRONLY) };
}

describe("a registry whose log nobody reads", () => {
  it("goes on serving, and tells later how many lines were lost", async () => {
    const directory = newDirectory();
    const { reader, writer } = openPipe(directory);
    const words = ["--embedded", join(directory, "data"), "--host", "127.0.0.1", "--port", "0"];
    const child = Bun.spawn(
      [process.execPath, main, ...words, "--access-log", "--metrics-port", "0"],
      { stdout: writer, stderr: "inherit" },
    );
    closeSync(writer);
    let text = "";
    const read = (): boolean => {
      const piece = Buffer.alloc(65_536);
      try {
        text += piece.toString("latin1", 0, readSync(reader, piece));
      } catch {
        return false; // there is nothing at the moment
      }
      return true;
    };
    const lines = (): LogLine[] =>
      text
        .slice(0, text.lastIndexOf("\n") + 1)
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line) as LogLine);
    const find = (message: RegExp): LogLine | undefined =>
      lines().find((line) => message.test(String(line["message"])));
    await eventually(() => (read(), find(/^listening$/) !== undefined));
    const url = String(find(/^listening$/)?.["url"]);
    const requests = 3000;
    const long = "x".repeat(900);
    for (let turn = 0; turn < requests; turn += 30) {
      const asked = Array.from({ length: 30 }, () => fetch(`${url}/${long}`));
      for (const { status } of await Promise.all(asked)) expect(status).toBe(404);
    }
    await eventually(() => (read(), find(/lost here/) !== undefined));
    child.kill("SIGTERM");
    await eventually(() => (read(), child.exitCode !== null));
    while (read() && !text.endsWith("\n")) continue;
    closeSync(reader);
    expect(child.exitCode).toBe(0);
    const told = lines().filter(({ message }) => message === "request").length;
    const lost = lines().reduce((sum, line) => sum + Number(line["lost"] ?? 0), 0);
    expect(lost).toBeGreaterThan(0);
    expect(told + lost).toBe(requests);
  }, 60_000);
});
