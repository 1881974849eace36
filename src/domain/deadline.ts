import { RegistryError } from "./errors.ts";

/**
 * Waits for `work` at most `timeoutMs`. Past it the call fails with what `onTimeout` gives,
 * whatever becomes of `work`.
 */
export function withDeadline<T>(
  work: PromiseLike<T>,
  timeoutMs: number,
  onTimeout: () => RegistryError,
): Promise<T> {
  // By hand: racing two promises would cost several times as much, at every request.
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(onTimeout());
    }, timeoutMs);
    const settle = (end: () => void): void => {
      clearTimeout(timer);
      end();
    };
    void work.then(
      (value) => settle(() => resolve(value)),
      (error: unknown) => settle(() => reject(error)),
    );
  });
}

/** The failure of database work that took longer than it may. */
export function databaseTimeout(timeoutMs: number, cause?: unknown): RegistryError {
  return new RegistryError(
    "database_timeout",
    `The database did not answer within ${timeoutMs} ms; try again later.`,
    { cause },
  );
}
