import { hashBytes, type BlobKey } from "../domain/blob-key.ts";
import { bytesEqual } from "../domain/bytes.ts";
import { spanning } from "../tracing/spanning.ts";
import type { Read } from "./blob-checks.ts";

/**
 * Lets whoever asks for a key that is being read wait for that read. Only its finding something
 * counts for those who came later: it may have looked before a blob was stored that they, having
 * been told that it is, must find. They look once more, together.
 */
export function shareFlights(
  read: (key: BlobKey) => Promise<Read>,
): (key: BlobKey) => Promise<Read> {
  const flights = new Map<number, Flight>();

  function flightOf(id: number, key: BlobKey): Promise<Read> | null {
    const flight = flights.get(id);
    return flight !== undefined && bytesEqual(flight.key, key) ? flight.landing : null;
  }

  function fly(id: number, key: BlobKey): Promise<Read> {
    const landing = read(key);
    const flight = { key, landing };
    flights.set(id, flight);
    const forget = (): void => {
      if (flights.get(id) === flight) flights.delete(id);
    };
    void landing.then(forget, forget);
    return landing;
  }

  async function join(id: number, key: BlobKey, flight: Promise<Read>): Promise<Read> {
    // What is under way afterwards began after this call.
    const found = await spanning("shared read", () => flight);
    return found ?? flightOf(id, key) ?? fly(id, key);
  }

  return (key) => {
    const id = idOf(key);
    const flight = flightOf(id, key);
    return flight === null ? fly(id, key) : join(id, key, flight);
  };
}

// --- internal ---

interface Flight {
  readonly key: BlobKey;
  readonly landing: Promise<Read>;
}

/** So many of a key's bytes, and its kind, fit into a number. */
const idBytes = 6;

/**
 * A key as a number, which costs less to make and to look up than its digits. Two keys of one
 * number, which only someone who tries will find, merely do not share.
 */
function idOf(key: BlobKey): number {
  let id = key.length === hashBytes ? 1 : 0;
  for (let index = 0; index < idBytes; index += 1) id = id * 256 + (key[index] ?? 0);
  return id;
}
