import { readEnvironment, typedSecretsVariable } from "../ops/config.ts";
import { toVariable, type FlagName } from "../ops/flags.ts";
import type { Environment } from "../ops/settings.ts";
import { toWords, type Invocation } from "./arguments.ts";

/** The same invocation with its password moved from the arguments to the environment. */
export interface HiddenInvocation {
  readonly words: readonly string[];
  readonly environment: Environment;
}

/**
 * Moves a password, or a URL that holds one, from the arguments to its environment variable; null
 * when there is nothing to hide. A note of it is left to the log, which recommends better places.
 * An empty password stays where it is: it is no secret, and an empty variable would count as unset.
 */
export function toHidden(
  invocation: Invocation,
  environment: Environment,
): HiddenInvocation | null {
  if (invocation.kind !== "run") return null;
  const kept: Partial<Record<FlagName, string>> = {};
  const moved: Record<string, string> = {};
  const typed: string[] = [];
  for (const [name, value] of Object.entries(invocation.values)) {
    if (isSecret(name, value)) {
      moved[toVariable(name)] = value;
      typed.push(name);
    } else {
      kept[name as FlagName] = value;
    }
  }
  if (typed.length === 0) return null;
  return {
    words: toWords({ ...invocation, values: kept }),
    environment: { ...environment, ...moved, [typedSecretsVariable]: typed.join(" ") },
  };
}

/**
 * Runs this program again in this very process (same id, same files) when a password stands among
 * its arguments, where every user of the machine sees it (`ps`). The environment is seen by the
 * owner of the process and by root only. Returns when there is nothing to hide: null, or what to
 * warn of where the system cannot do it.
 */
export function hidePassword(invocation: Invocation): string | null {
  const hidden = toHidden(invocation, readEnvironment());
  if (hidden === null) return null;
  // A compiled binary brings its script and its Bun flags along.
  const script = Bun.isStandaloneExecutable ? [] : [...process.execArgv, Bun.main];
  try {
    if (process.execve === undefined) throw new Error("this system has no execve");
    const words = [process.argv0, ...script, ...hidden.words];
    process.execve(process.execPath, words, { ...hidden.environment });
  } catch {
    return "the password stays visible in the list of processes; use --db-password-file instead";
  }
  return null;
}

// --- internal ---

function isSecret(name: string, value: string): boolean {
  if (name === "db-password") return value !== "";
  // Rather too much than too little: a user may hold an @ as well as a password may.
  return name === "db-url" && /\/\/.*:.*@/s.test(value);
}
