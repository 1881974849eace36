import { type Ask, type Job, type Outcome } from "../load/job.ts";
import { type Bench, freshNumber, type Server } from "./bench.ts";
import { cpuUsOf } from "./proc.ts";
import { startNull } from "./programs.ts";

/** One of the things that a row measures in turn. */
export interface Side {
  readonly server: Server;
  readonly job: Omit<Job, "port" | "durationMs">;
}

/** What was measured of a side, slice by slice. */
export interface Measured {
  readonly perSecond: number[];
  /** CPU time of the server's processes for one request, in microseconds. */
  readonly cpuUs: number[];
  readonly p50Us: number[];
  readonly p99Us: number[];
  readonly failures: string[];
}

/** What the null responder answers, and to what. */
export interface NullAnswer {
  readonly answer: Uint8Array;
  /** Of an upload; 0 for downloads. */
  readonly requestBytes: number;
}

/** How much faster than what it measures a generator must be. */
export const headroomMin = 1.5;

/**
 * Measures the sides in turn, A B, B A, A B, …, after a slice each that warms them up: servers that
 * grow faster while their code is compiled would else favour the second of every pair.
 */
export async function alternate(
  bench: Bench,
  sides: readonly Side[],
  pairs = bench.pairs,
): Promise<Measured[]> {
  const measured = sides.map((): Measured => ({
    perSecond: [],
    cpuUs: [],
    p50Us: [],
    p99Us: [],
    failures: [],
  }));
  for (const side of sides) await runSlice(bench, side, Math.min(500, bench.sliceMs));
  for (let pair = 0; pair < pairs; pair += 1) {
    const order = [...sides.entries()];
    for (const [n, side] of pair % 2 === 0 ? order : order.toReversed()) {
      const { outcome, cpuUs } = await runSlice(bench, side, bench.sliceMs);
      const into = measured[n];
      into?.perSecond.push(outcome.perSecond);
      into?.cpuUs.push(cpuUs);
      into?.p50Us.push(outcome.p50Us);
      into?.p99Us.push(outcome.p99Us);
      into?.failures.push(...outcome.failures.map((failure) => `${side.server.name}: ${failure}`));
    }
  }
  return measured;
}

/** Runs the load of one side once. */
export async function runSlice(
  { generator }: Bench,
  { server, job }: Side,
  durationMs: number,
): Promise<{ readonly outcome: Outcome; readonly cpuUs: number }> {
  const ask = refreshed(job.ask);
  const before = cpuUsOf(server.pids());
  const outcome = await generator.run({ ...job, ask, port: server.port, durationMs });
  const spentUs = cpuUsOf(server.pids()) - before;
  return { outcome, cpuUs: spentUs / Math.max(1, outcome.answered) };
}

/** The highest rate of the same load against a server that answers without work. */
export async function nullRate(
  bench: Bench,
  job: Side["job"],
  { answer, requestBytes }: NullAnswer,
): Promise<number> {
  const server = await startNull(bench, answer, requestBytes);
  try {
    const side = { server, job: { ...job, isUnchecked: true } };
    const rates: number[] = [];
    for (let time = 0; time < 3; time += 1) {
      rates.push((await runSlice(bench, side, bench.sliceMs)).outcome.perSecond);
    }
    return Math.max(...rates);
  } finally {
    await server.stop();
  }
}

/** How many times faster than the fastest slice of these sides the load generator can be. */
export function headroomOf(mostPerSecond: number, sides: readonly Measured[]): number {
  return mostPerSecond / Math.max(...sides.flatMap(({ perSecond }) => perSecond));
}

// --- internal ---

function refreshed(ask: Ask): Ask {
  return ask.kind === "post-new" ? { ...ask, first: freshNumber() } : ask;
}
