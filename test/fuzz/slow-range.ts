import type { AskedRange } from "../../src/http/ranges.ts";

/** What a Range field asks for, read piece by piece, in numbers without end. */
export function readRangeSlowly(text: string, total: number): AskedRange {
  const [unit = "", list = "", ...more] = text.split("=");
  if (unit.replace(/^[ \t]+/, "").toLowerCase() !== "bytes" || more.length > 0) return null;
  const items = list.split(",").map((item) => item.replace(/^[ \t]+|[ \t]+$/g, ""));
  const [item = "", ...others] = items.filter((each) => each !== "");
  const [from = "", to = "", ...rest] = item.split("-");
  if (others.length + rest.length > 0 || !item.includes("-")) return null;
  if (from + to === "" || !/^\d*$/.test(from + to)) return null;
  return from === "" ? lastBytes(BigInt(to), total) : bytesFrom(BigInt(from), to, total);
}

// --- internal ---

function lastBytes(count: bigint, total: number): AskedRange {
  if (count === 0n) return "unsatisfiable";
  if (total === 0) return null;
  return { first: count > total ? 0 : total - Number(count), last: total - 1 };
}

function bytesFrom(first: bigint, to: string, total: number): AskedRange {
  // Where both round to one number, either is allowed (RFC 9110 section 14.2).
  if (to !== "" && Number(to) < Number(first)) return null;
  if (first >= total) return "unsatisfiable";
  const last = to === "" || BigInt(to) >= total ? total - 1 : Number(to);
  return { first: Number(first), last };
}
