import { parseBlobKey } from "../domain/blob-key.ts";
import { RegistryError } from "../domain/errors.ts";
import { toQuoted } from "../ops/printable.ts";
import { UsageError } from "../ops/usage-error.ts";

/**
 * The keys that a command was given, in lower case.
 * @throws UsageError when there is none, or one is no key
 */
export function readKeys(command: string, operands: readonly string[]): readonly string[] {
  if (operands.length === 0) throw new UsageError(`${command} needs the key of a blob`);
  return operands.map((operand) => {
    try {
      parseBlobKey(operand);
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      throw new UsageError(`${toQuoted(operand)}: ${error.message}`, { cause: error });
    }
    return operand.toLowerCase();
  });
}
