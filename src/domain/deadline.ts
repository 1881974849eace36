import { RegistryError } from "./errors.ts";

/**
 * Waits for `work` at most `timeoutMs`. Past it the call fails with what `onTimeout` gives,
 * whatever becomes of `work`.
 */
export async function withDeadline<T>(
  work: PromiseLike<T>,
  timeoutMs: number,
  onTimeout: () => RegistryError,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(onTimeout());
    }, timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The failure of database work that took longer than it may. */
export function databaseTimeout(timeoutMs: number, cause?: unknown): RegistryError {
  return new RegistryError(
    "database_timeout",
    `The database did not answer within ${timeoutMs} ms; try again later.`,
    { cause },
  );
}
