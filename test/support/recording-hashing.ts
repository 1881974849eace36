import type { Hashing } from "../../src/domain/hasher.ts";
import { createHashing } from "../../src/hashing/blake3.ts";

/** BLAKE3 that tells how many hashers were made, and how many of them were given back. */
export interface RecordingHashing extends Hashing {
  readonly hashers: { made: number; disposed: number };
}

/** The true hashing, counted. */
export function createRecordingHashing(): RecordingHashing {
  const hashing = createHashing();
  const hashers = { made: 0, disposed: 0 };
  return {
    ...hashing,
    hashers,
    createHasher: () => {
      const hasher = hashing.createHasher();
      let isDisposed = false;
      hashers.made += 1;
      return {
        ...hasher,
        dispose: () => {
          if (!isDisposed) hashers.disposed += 1;
          isDisposed = true;
          hasher.dispose();
        },
      };
    },
  };
}
