import type { Counters } from "../domain/counters.ts";
import { RegistryError } from "../domain/errors.ts";
import type { Log } from "../domain/log.ts";
import type { SizeFound } from "./metrics/size-watch.ts";

/** How much may be stored, and is. */
export interface Quota {
  /** 0: as much as there is room for. */
  readonly bytesMax: number;
  /** What is stored, by the last estimate and what came since; null: not known yet. */
  bytesUsed(): number | null;
  /**
   * Refuses an upload of so many bytes that does not fit; while it is not known how much there is,
   * all are taken.
   * @throws RegistryError `quota_exceeded`
   */
  refuse(bytes: number): void;
}

/** What a quota needs. */
export interface QuotaOptions {
  readonly bytesMax: number;
  readonly size: () => SizeFound | null;
  readonly counters: Pick<Counters, "bytesStored">;
  readonly log: Log;
}

/** A bound on what the database holds, kept by looking before an upload is taken. */
export function createQuota({ bytesMax, size, counters, log }: QuotaOptions): Quota {
  let isFull = false;

  function bytesUsed(): number | null {
    const found = size();
    return found === null ? null : found.bytes + counters.bytesStored - found.bytesStoredBefore;
  }

  return {
    bytesMax,
    bytesUsed,
    refuse(bytes) {
      if (bytesMax === 0) return;
      const used = bytesUsed() ?? 0;
      const fits = used < bytesMax && used + bytes <= bytesMax;
      if (used >= bytesMax !== isFull) {
        isFull = !isFull;
        const fields = { bytes: used, bytes_max: bytesMax };
        if (isFull) log.warn("--max-stored-bytes is reached: uploads are refused", fields);
        else log.info("there is room below --max-stored-bytes again: uploads are taken", fields);
      }
      if (!fits) throw quotaExceeded();
    },
  };
}

// --- internal ---

function quotaExceeded(): RegistryError {
  return new RegistryError(
    "quota_exceeded",
    "This registry holds as much as its operator lets it; nothing was stored.",
  );
}
