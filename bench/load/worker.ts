import { keyOf } from "./blobs.ts";
import { type Ask, type Job, type Outcome } from "./job.ts";
import { type NativeJob, runNative, sampleBytes } from "./native.ts";
import { nativeRequests } from "./requests.ts";

/*
 * The load generator, a process of its own: reads jobs from stdin, a line of JSON each, runs one
 * after the other, and writes what came of each to stdout, a line each.
 */

const latencies = new Float32Array(1 << 21);
const sampleEvery = 64;
const samples = new Uint8Array(4096 * sampleBytes);
const prepared = new Map<string, NativeJob>();

for await (const line of console) {
  try {
    console.log(JSON.stringify(run(JSON.parse(line) as Job)));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
}

// --- internal ---

function run(job: Job): Outcome {
  const { ask, durationMs, ratePerSecond = 0, isUnchecked = false } = job;
  const requests = preparedFor(ask);
  const isSampled = ask.kind !== "get" && !isUnchecked;
  const done = runNative({
    ...requests,
    ...(ask.kind === "post-new" ? { counter_next: ask.first } : {}),
    requests_max: job.once ?? 0,
    ...(isUnchecked ? { bodies: 0 } : {}),
    port: job.port,
    connections: job.connections,
    duration_ns: durationMs * 1e6,
    interval_ns: ratePerSecond === 0 ? 0 : Math.round(1e9 / ratePerSecond),
    drain_ns: job.isCut === true ? 0 : 20e9,
    is_random: job.once === undefined ? 1 : 0,
    seed: Math.floor(Math.random() * 2 ** 48),
    sample_every: isSampled ? sampleEvery : 0,
    samples,
    samples_max: samples.length / sampleBytes,
    latencies_us: latencies,
    latencies_max: latencies.length,
  });
  return outcomeOf(done, job);
}

/** Making twenty thousand keys takes a moment; the numbers of new blobs are no part of them. */
function preparedFor(ask: Ask): NativeJob {
  const name = JSON.stringify(ask.kind === "post-new" ? { ...ask, first: 0 } : ask);
  let requests = prepared.get(name);
  if (requests === undefined) {
    requests = nativeRequests(ask);
    prepared.set(name, requests);
  }
  return requests;
}

function outcomeOf(done: Record<string, number>, job: Job): Outcome {
  const of = (name: string): number => done[name] ?? 0;
  const answered = of("answered");
  const elapsedMs = of("elapsed_ns") / 1e6;
  const sorted = latencies.slice(0, Math.min(answered, latencies.length)).toSorted();
  const quantile = (q: number): number => sorted[Math.floor(q * (sorted.length - 1))] ?? 0;
  const failures: string[] = [];
  const note = (count: number, what: string): void => {
    if (count > 0) failures.push(`${count} ${what}`);
  };
  note(of("not_ok"), `answers not 200, first ${of("first_not_ok")}`);
  note(of("wrong_bodies"), "wrong bodies");
  note(of("broken"), "connections broken");
  if (job.isCut !== true) note(of("unanswered"), "requests unanswered");
  if (answered === 0 && job.isCut !== true) failures.push("no answers");
  note(wrongSamples(of("sample_count"), job), "receipts wrong");
  return {
    answered,
    elapsedMs,
    perSecond: elapsedMs === 0 ? 0 : (answered * 1000) / elapsedMs,
    p50Us: quantile(0.5),
    p99Us: quantile(0.99),
    failures,
  };
}

/** How many of the kept answers to uploads are not the receipts of their blobs. */
function wrongSamples(count: number, job: Job): number {
  const view = new DataView(samples.buffer);
  let wrong = 0;
  for (let n = 0; n < count; n += 1) {
    const at = n * sampleBytes;
    const length = Number(view.getBigInt64(at + 8, true));
    if (length < 0) continue; // cut, and counted as such
    const text = Buffer.from(
      samples.buffer,
      at + 16,
      Math.min(length, sampleBytes - 16),
    ).toString();
    if (!isReceipt(text, job, Number(view.getBigInt64(at, true)))) wrong += 1;
  }
  return wrong;
}

function isReceipt(text: string, { ask, once }: Job, number: number): boolean {
  const { kind, family } = ask;
  // What is stored once, as a stock, may be new or not.
  const isNew = kind === "post-new";
  const isEither = kind === "post-known" && once !== undefined;
  try {
    const receipt = JSON.parse(text) as Record<string, unknown>;
    return (
      receipt["hash"] === keyOf(family, number) &&
      receipt["size"] === family.bytesTotal &&
      (isEither || receipt["created"] === isNew)
    );
  } catch {
    return false;
  }
}
