/**
 * The name that `text` most likely was meant to be: fewest letters inserted, removed, changed or
 * swapped, upper case, underscores and a leading `no-` forgiven.
 * Null when none is near.
 */
export function findNearest<Name extends string>(
  text: string,
  names: readonly Name[],
): Name | null {
  const wanted = text
    .slice(0, 40)
    .replace(/([a-z])([A-Z])/g, "$1-$2")
    .replaceAll("_", "-")
    .replace(/^no-/, "")
    .toLowerCase();
  let best: Name | null = null;
  let leastChanges = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const name of names) {
    const changes = countChanges(wanted, name);
    if (changes >= leastChanges) continue;
    best = name;
    leastChanges = changes;
  }
  return best;
}

// --- internal ---

/** The optimal string alignment distance. */
function countChanges(from: string, to: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const isSame = from[row - 1] === to[column - 1];
      const isSwapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      current[column] = Math.min(
        at(previous, column) + 1,
        at(current, column - 1) + 1,
        at(previous, column - 1) + (isSame ? 0 : 1),
        row > 1 && column > 1 && isSwapped ? at(before, column - 2) + 1 : Infinity,
      );
    }
    before = previous;
    previous = current;
  }
  return at(previous, to.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity;
}
