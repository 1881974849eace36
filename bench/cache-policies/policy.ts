/** A cache of bounded bytes, as the study sees it. `bytes` is all that an entry is charged with. */
export interface CachePolicy {
  /** Whether `key` is kept; notes that it was asked for. */
  get(key: string): boolean;
  /** Takes in a key that `get` did not find. */
  set(key: string, bytes: number): void;
}

/** A larger part of the cache than this no policy gives to one entry. */
export const entryShareMax = 1 / 8;
