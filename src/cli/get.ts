import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { defineCommand, type CommandDef } from "citty";
import { limits } from "../domain/limits.ts";
import { readEnvironment } from "../ops/config.ts";
import { toPrintable } from "../ops/printable.ts";
import { createSettings, type Settings } from "../ops/settings.ts";
import { UsageError } from "../ops/usage-error.ts";
import { openFileTarget, openOutputTarget, type BlobTarget } from "./blob-target.ts";
import { argsOf, toValues } from "./citty-args.ts";
import { commands } from "./commands.ts";
import { untilInterrupted } from "./interruption.ts";
import { readKeys } from "./key-operands.ts";
import { runErrand, type Outcome } from "./outcomes.ts";
import { createProgress } from "./progress.ts";
import { openRemote } from "./remote.ts";

/** `registry get`: downloads blobs; what does not hash to its key is written nowhere. */
export function createGetCommand(
  finish: (exitCode: number) => void,
  operands: readonly string[],
): CommandDef {
  return defineCommand({
    meta: { name: "get", description: commands.get.summary },
    args: argsOf("get"),
    async run({ args: parsed }) {
      const settings = createSettings(toValues(parsed), readEnvironment());
      const keys = readKeys("get", operands);
      const place = await choosePlace(settings, keys.length > 1);
      finish(await untilInterrupted((signal) => get({ keys, settings, place, signal })));
    },
  });
}

// --- internal ---

/** Where blobs go: to standard output, to one file, or into a directory under their keys. */
type Place =
  | { readonly kind: "output" }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "directory"; readonly path: string };

interface Job {
  readonly keys: readonly string[];
  readonly settings: Settings;
  readonly place: Place;
  readonly signal: AbortSignal;
}

async function choosePlace(settings: Settings, areMany: boolean): Promise<Place> {
  const path = settings.text("output");
  const source = settings.sourceOf("output") ?? "--output";
  if (path === "-" || (path === null && !areMany)) {
    if (areMany) throw new UsageError(`${source} -: several blobs need a directory to go to`);
    if (settings.isOn("json")) {
      throw new UsageError("--json needs standard output for itself; name a file with --output");
    }
    return { kind: "output" };
  }
  if (path === null) return { kind: "directory", path: "." };
  const found = await stat(path).catch(() => null);
  if (found?.isDirectory() === true || path.endsWith("/")) return { kind: "directory", path };
  if (!areMany) return { kind: "file", path };
  if (found === null) return { kind: "directory", path };
  throw new UsageError(`${source} is no directory, which several blobs need`);
}

async function get({ keys, settings, place, signal }: Job): Promise<number> {
  const client = (await openRemote(settings, limits.commandTransferMsMax)).connect();
  const progress = createProgress({
    stream: process.stderr,
    label: "downloading",
    total: null,
    unit: "bytes",
  });
  let received = 0;
  const count = (bytes: number): void => {
    received += bytes;
    progress.update(received);
  };

  async function work(key: string): Promise<Outcome> {
    const target = await openTarget(place, key);
    try {
      const counted = countInto(target.sink, count);
      const { hash, size } = await client.downloadTo(key, counted, { signal });
      const text = place.kind === "output" ? null : `${key}  ${toPrintable(target.name)}`;
      return { text, json: { hash, size, file: target.name } };
    } catch (error) {
      await target.discard();
      throw error;
    }
  }

  const isJson = settings.isOn("json");
  return await runErrand({ operands: keys, name: "key", isJson, progress, signal, work });
}

async function openTarget(place: Place, key: string): Promise<BlobTarget> {
  if (place.kind === "output") return openOutputTarget();
  if (place.kind === "file") return await openFileTarget(place.path);
  await mkdir(place.path, { recursive: true });
  return await openFileTarget(join(place.path, key));
}

/** The same sink, of which `count` is told what it has taken. */
function countInto(
  sink: WritableStream<Uint8Array>,
  count: (bytes: number) => void,
): WritableStream<Uint8Array> {
  const writer = sink.getWriter();
  return new WritableStream({
    async write(piece) {
      await writer.write(piece);
      count(piece.length);
    },
    close: () => writer.close(),
    abort: (reason) => writer.abort(reason),
  });
}
