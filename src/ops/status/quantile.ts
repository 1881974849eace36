/**
 * The value below which a share `q` (0 to 1) of what was counted lies, as Prometheus' own
 * `histogram_quantile` has it: within a bucket, values are taken to be spread evenly; above the
 * last bound, it is the last bound. NaN when nothing was counted.
 */
export function quantileOf(
  bounds: readonly number[],
  counts: ArrayLike<number>,
  q: number,
): number {
  let total = 0;
  for (let index = 0; index < counts.length; index += 1) total += counts[index] ?? 0;
  if (total === 0) return Number.NaN;
  const rank = q * total;
  let below = 0;
  let lower = 0;
  for (const [index, upper] of bounds.entries()) {
    const count = counts[index] ?? 0;
    if (count > 0 && below + count >= rank) {
      return lower + (upper - lower) * (Math.max(0, rank - below) / count);
    }
    below += count;
    lower = upper;
  }
  return lower;
}
