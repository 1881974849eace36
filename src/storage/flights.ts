import type { BlobKey } from "../domain/blob-key.ts";
import { toHex } from "../domain/bytes.ts";
import type { Read } from "./blob-checks.ts";

/**
 * Lets whoever asks for a key that is being read wait for that read. Only its finding something
 * counts for those who came later: it may have looked before a blob was stored that they, having
 * been told that it is, must find. They look once more, together.
 */
export function shareFlights(
  read: (key: BlobKey) => Promise<Read>,
): (key: BlobKey) => Promise<Read> {
  const flights = new Map<string, Promise<Read>>();

  async function fly(name: string, key: BlobKey): Promise<Read> {
    const flight = read(key);
    flights.set(name, flight);
    try {
      return await flight;
    } finally {
      flights.delete(name);
    }
  }

  return async (key) => {
    const name = toHex(key);
    const found = (await flights.get(name)) ?? null;
    if (found !== null) return found;
    // A flight that is under way now began after this call.
    return await (flights.get(name) ?? fly(name, key));
  };
}
