import { toPrintable } from "../ops/printable.ts";
import { eachInOrder } from "./in-order.ts";
import type { Progress } from "./progress.ts";
import { explain, type Failure } from "./remote.ts";

/** What came of one operand, for people and for machines. */
export interface Outcome {
  /** The line on standard output; null: none. */
  readonly text: string | null;
  /** Besides the operand itself. */
  readonly json: Readonly<Record<string, unknown>>;
  /** Done, but not what was hoped for: it counts as a failure. */
  readonly isBad?: boolean;
}

/** What a command does with its operands. */
export interface Errand {
  readonly operands: readonly string[];
  /** What an operand is called in JSON. */
  readonly name: "file" | "key";
  readonly isJson: boolean;
  readonly progress: Pick<Progress, "clear" | "stop">;
  readonly signal: AbortSignal;
  readonly work: (operand: string) => Promise<Outcome>;
}

/**
 * Works on the operands, several at the same time, and tells what came of each, in their order.
 * When no registry can be reached, the rest is not tried.
 * @returns the exit code: 0, or 1 when anything failed
 */
export async function runErrand(errand: Errand): Promise<number> {
  const { operands, name, isJson, progress, signal } = errand;
  let exitCode = 0;
  let isUnreachable = false;
  let notTried = 0;

  async function work(operand: string): Promise<Told> {
    if (isUnreachable) return { operand, failure: notTriedFailure };
    try {
      return { operand, outcome: await errand.work(operand) };
    } catch (error) {
      signal.throwIfAborted();
      const failure = explain(error);
      isUnreachable ||= failure.code === "network";
      return { operand, failure };
    }
  }

  function take(told: Told): void {
    progress.clear();
    if ("failure" in told || told.outcome.isBad === true) exitCode = 1;
    if (isJson) process.stdout.write(`${JSON.stringify(toJson(name, told))}\n`);
    if ("failure" in told) {
      if (told.failure === notTriedFailure) notTried += 1;
      else warn(`${toPrintable(told.operand)}: ${told.failure.detail}`);
    } else if (!isJson && told.outcome.text !== null) {
      process.stdout.write(`${told.outcome.text}\n`);
    }
  }

  try {
    await eachInOrder({ items: operands, atOnce, work, take });
  } finally {
    progress.stop();
  }
  if (notTried > 0) warn(`not tried: ${notTried} more`);
  return exitCode;
}

// --- internal ---

/** Requests under way at the same time. */
const atOnce = 8;

type Told =
  | { readonly operand: string; readonly outcome: Outcome }
  | { readonly operand: string; readonly failure: Failure };

const notTriedFailure: Failure = { code: "not_tried", detail: "no registry could be reached" };

function toJson(name: string, told: Told): Readonly<Record<string, unknown>> {
  const { operand } = told;
  if ("failure" in told) return { [name]: operand, error: told.failure };
  return { [name]: operand, ...told.outcome.json };
}

function warn(line: string): void {
  process.stderr.write(`registry: ${line}\n`);
}
