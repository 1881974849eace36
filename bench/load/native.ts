import { cc, ptr } from "bun:ffi";
import { fileURLToPath } from "node:url";

/** The fields of `struct job` in load.c, in its order. */
const jobFields = [
  ["port", "connections", "duration_ns", "interval_ns", "drain_ns"],
  ["request_count", "requests_max", "is_random", "seed"],
  ["heads", "head_starts", "tail", "tail_bytes", "counter_offset", "counter_next"],
  ["bodies", "body_head_bytes", "body_tail_bytes"],
  ["sample_every", "samples", "samples_max", "latencies_us", "latencies_max"],
  ["answered", "elapsed_ns", "not_ok", "first_not_ok", "wrong_bodies", "broken"],
  ["unanswered", "sample_count"],
].flat();

/** A `struct job` by its names: numbers, and arrays by their address. */
export type NativeJob = Readonly<Record<string, number | NodeJS.TypedArray>>;

/** Bytes of one kept answer: its number, its length, its body; see load.c. */
export const sampleBytes = 1024;

const { symbols: load } = compiled();

/** Runs a job to its end, blocking, and gives the fields as it left them. */
export function runNative(job: NativeJob): Record<string, number> {
  const fields = new BigInt64Array(jobFields.length);
  for (const [n, name] of jobFields.entries()) {
    const value = job[name] ?? 0;
    fields[n] = BigInt(typeof value === "number" ? value : addressOf(value));
  }
  const result = load.run(ptr(fields));
  if (result !== 0) throw new Error(`cannot connect to port ${String(job["port"])}`);
  return Object.fromEntries(jobFields.map((name, n) => [name, Number(fields[n])]));
}

// --- internal ---

function compiled() {
  try {
    return cc({
      source: fileURLToPath(new URL("load.c", import.meta.url)),
      symbols: { run: { args: ["ptr"], returns: "int" } },
    });
  } catch (error) {
    const remedy = "it needs the C library's headers (apt-get install libc6-dev)";
    throw new Error(`the load generator cannot be compiled; ${remedy}`, { cause: error });
  }
}

function addressOf(array: NodeJS.TypedArray): number {
  return array.byteLength === 0 ? 0 : ptr(array);
}
