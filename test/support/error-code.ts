import { RegistryError } from "../../src/domain/errors.ts";

/** The code of the RegistryError that the call throws, "none" if it does not throw. */
export function codeThrownBy(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return codeOf(error);
  }
  return "none";
}

/** The code of the RegistryError that the promise fails with, "none" if it does not fail. */
export async function codeRejectedBy(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return codeOf(error);
  }
  return "none";
}

// --- internal ---

function codeOf(error: unknown): string {
  if (error instanceof RegistryError) return error.code;
  throw error;
}
