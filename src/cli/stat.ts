import { defineCommand, type CommandDef } from "citty";
import { readEnvironment } from "../ops/config.ts";
import { createSettings, type Settings } from "../ops/settings.ts";
import { argsOf, toValues } from "./citty-args.ts";
import { commands } from "./commands.ts";
import { untilInterrupted } from "./interruption.ts";
import { readKeys } from "./key-operands.ts";
import { runErrand, type Outcome } from "./outcomes.ts";
import { openRemote } from "./remote.ts";

/** `registry stat`: says which keys are there, how large the blobs are and since when. */
export function createStatCommand(
  finish: (exitCode: number) => void,
  operands: readonly string[],
): CommandDef {
  return defineCommand({
    meta: { name: "stat", description: commands.stat.summary },
    args: argsOf("stat"),
    async run({ args: parsed }) {
      const settings = createSettings(toValues(parsed), readEnvironment());
      const keys = readKeys("stat", operands);
      finish(await untilInterrupted((signal) => stat(keys, settings, signal)));
    },
  });
}

// --- internal ---

/** How long the answer to one key may take, repetitions included. */
const timeoutMs = 60_000;

async function stat(
  keys: readonly string[],
  settings: Settings,
  signal: AbortSignal,
): Promise<number> {
  const client = (await openRemote(settings, timeoutMs)).connect();

  async function work(key: string): Promise<Outcome> {
    const found = await client.stat(key, { signal });
    if (found === null) return { text: `${key}  missing`, json: { exists: false }, isBad: true };
    const { hash, size, createdAt } = found;
    const since = createdAt === null ? null : toSeconds(createdAt);
    return {
      text: `${key}  ${size}  ${since ?? "-"}`,
      json: { exists: true, hash, size, created_at: since },
    };
  }

  const isJson = settings.isOn("json");
  const progress = { clear: () => {}, stop: () => {} };
  return await runErrand({ operands: keys, name: "key", isJson, progress, signal, work });
}

/** HTTP tells no more of a date. */
function toSeconds(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, "Z");
}
