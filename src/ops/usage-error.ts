/**
 * The command line or the environment says something the registry cannot take: exit 2.
 * `message` is one line, names the flag or variable and what to do, and never holds a password.
 */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
