import type { BlobKey } from "./blob-key.ts";
import { RegistryError } from "./errors.ts";
import { createKeySet, type KeySet } from "./key-set.ts";
import { limits } from "./limits.ts";

/** Which keys are taken down, and say so whoever asks. */
export interface DeniedKeys {
  /** Whether a key is. Costs a look at two numbers while none is. */
  denies(key: BlobKey): boolean;
  /** Those that `registry delete` took down, as far as it is known here. */
  readonly takedowns: KeySet;
  /** Those of the operator's list. */
  readonly list: () => KeySet;
  /** Puts another list in the place of the one before, at once. */
  replaceList(list: KeySet): void;
}

/** None, to begin with. */
export function createDeniedKeys(): DeniedKeys {
  const takedowns = createDenyList();
  let list = createDenyList();
  return {
    denies(key) {
      if (takedowns.size > 0 && takedowns.covers(key)) return true;
      return list.size > 0 && list.covers(key);
    },
    takedowns,
    list: () => list,
    replaceList(next) {
      list = next;
    },
  };
}

/** An empty set of as many keys as may be denied, of which so many are about to come. */
export function createDenyList(sizeExpected = 0): KeySet {
  return createKeySet({ sizeMax: limits.deniedKeysMax, sizeExpected });
}

/** What is answered to whoever asks for a taken-down key, or uploads what it names. */
export function takenDown(): RegistryError {
  return new RegistryError(
    "taken_down",
    "The operator of this registry has taken this key down: it is neither given out nor taken.",
  );
}
