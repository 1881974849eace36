import { bytesEqual, toHex } from "../../../src/domain/bytes.ts";

/** A blob that must be there all the time. */
interface Kept {
  readonly hash: Uint8Array;
  readonly data: Uint8Array;
}

/** Readers that ask for the same blobs again and again, by 64 and by 32 digits. */
export interface Reading {
  /** Resolves once each blob has been read so many times from now on. */
  rounds(count: number): Promise<void>;
  /** Ends it; gives what was not as it should be, a line each. */
  stop(): Promise<readonly string[]>;
}

/** Reads blobs until it is stopped. */
export function startReading(api: string, blobs: readonly Kept[]): Reading {
  const complaints: string[] = [];
  const state = { isOver: false, rounds: 0, round: Promise.withResolvers<void>() };

  async function read(key: string, data: Uint8Array): Promise<void> {
    const response = await fetch(`${api}/${key}`);
    const bytes = await response.bytes();
    if (response.status !== 200) complaints.push(`${key}: ${response.status}`);
    else if (!bytesEqual(bytes, data)) complaints.push(`${key}: other bytes`);
  }

  async function readAll(): Promise<void> {
    while (!state.isOver) {
      for (const { hash, data } of blobs) {
        const digits = toHex(hash);
        await Promise.all([read(digits, data), read(digits.slice(0, 32), data)]);
      }
      state.rounds += 1;
      state.round.resolve();
      state.round = Promise.withResolvers<void>();
    }
  }

  const reading = readAll();
  return {
    async rounds(count) {
      const until = state.rounds + count + 1; // the one under way began before
      while (state.rounds < until) await Promise.race([state.round.promise, reading]);
    },
    async stop() {
      state.isOver = true;
      await reading;
      return complaints;
    },
  };
}
