import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Bytes } from "../../src/domain/bytes.ts";
import { createRandom } from "../support/random.ts";
import { mutate } from "./mutations.ts";

/** Something that reads what strangers send. */
export interface Target {
  readonly name: string;
  /** Inputs to begin with, besides those kept in the corpus. */
  readonly seeds: readonly string[];
  /** Words that mean something to it. */
  readonly words: readonly string[];
  /**
   * Reads an input and checks what comes of it; the same for the same input. What it gives names
   * the way that the input took: an input that takes a new one is worth changing further, as are
   * seeds and corpus.
   * @throws anything, when something is wrong
   */
  read(input: Bytes): string | Promise<string>;
}

/** An input that something is wrong with. */
interface Finding {
  readonly target: string;
  readonly input: Bytes;
  readonly error: unknown;
}

/** What a run came to. */
export interface Run {
  readonly target: string;
  readonly tried: number;
  /** Ways that inputs took. */
  readonly ways: number;
  readonly finding: Finding | null;
}

/** How a target is tried. */
export interface RunOptions {
  readonly seconds: number;
  readonly seed: number;
}

/** What a target gives names a way, and is not the input over again. */
const waysMax = 10_000;
const inputBytesMax = 16 * 1024;
/** Thousands of times what the slowest input takes: it would not end. */
const hangMs = 2000;
const corpus = join(import.meta.dir, "corpus");

/** The inputs kept for a target: what once failed, and what once took a way of its own. */
export function readCorpus({ name }: Target): Map<string, Bytes> {
  const folder = join(corpus, name);
  const files = existsSync(folder) ? readdirSync(folder).toSorted() : [];
  return new Map(files.map((file) => [file, new Uint8Array(readFileSync(join(folder, file)))]));
}

/** Keeps an input; gives the path of its file. */
export function keep({ name }: Pick<Target, "name">, input: Bytes): string {
  const folder = join(corpus, name);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, Bun.hash.wyhash(input).toString(16).padStart(16, "0"));
  writeFileSync(path, input);
  return path;
}

/** Tries one input. @throws what the target does, and Error when it took too long to be honest */
export async function tryInput(target: Target, input: Bytes): Promise<string> {
  const startedMs = performance.now();
  const way = await target.read(input);
  const tookMs = performance.now() - startedMs;
  if (tookMs > hangMs) throw new Error(`${input.length} bytes took ${Math.round(tookMs)} ms`);
  return way;
}

/** Changes inputs that led somewhere, and reads them, until the time is over or one fails. */
export async function fuzz(target: Target, { seconds, seed }: RunOptions): Promise<Run> {
  const random = createRandom(seed);
  const encoder = new TextEncoder();
  const words = target.words.map((word) => encoder.encode(word));
  const inputs: Bytes[] = [];
  const ways = new Set<string>();
  const endMs = performance.now() + 1000 * seconds;
  const first = [
    ...target.seeds.map((text) => encoder.encode(text)),
    ...readCorpus(target).values(),
  ];
  let tried = 0;
  while (tried < first.length || performance.now() < endMs) {
    const input = first[tried] ?? mutate({ inputs, words, bytesMax: inputBytesMax }, random);
    tried += 1;
    try {
      const way = await tryInput(target, input);
      const isNew = !ways.has(way) && ways.size < waysMax;
      if (isNew) ways.add(way);
      if (isNew || tried <= first.length) inputs.push(input);
    } catch (error) {
      return {
        target: target.name,
        tried,
        ways: ways.size,
        finding: { target: target.name, input, error },
      };
    }
  }
  return { target: target.name, tried, ways: ways.size, finding: null };
}
