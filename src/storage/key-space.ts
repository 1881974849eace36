/** Bytes of a key that tell its position: as many as a number holds exactly. */
const positionBytes = 6;

/**
 * Where a key lies among all that there could be, from 0 to 1. Hashes are spread evenly: of work in
 * the order of the keys, that is also how much is done.
 */
export function toPosition(key: Uint8Array): number {
  let position = 0;
  for (let index = 0; index < positionBytes; index += 1) {
    position = position * 256 + (key[index] ?? 0);
  }
  return position / 256 ** positionBytes;
}
