import { defineCommand, type CommandDef } from "citty";
import { limits } from "../domain/limits.ts";
import { readEnvironment } from "../ops/config.ts";
import { toPrintable } from "../ops/printable.ts";
import { createSettings, type Settings } from "../ops/settings.ts";
import { UsageError } from "../ops/usage-error.ts";
import { openSource, sizeOf, standardInput } from "./blob-source.ts";
import { argsOf, toValues } from "./citty-args.ts";
import { readClientToken } from "./client-token.ts";
import { commands } from "./commands.ts";
import { untilInterrupted } from "./interruption.ts";
import { runErrand, type Outcome } from "./outcomes.ts";
import { createProgress } from "./progress.ts";
import { openRemote, type Send } from "./remote.ts";

/** `registry put`: uploads files and prints their keys. */
export function createPutCommand(
  finish: (exitCode: number) => void,
  operands: readonly string[],
): CommandDef {
  return defineCommand({
    meta: { name: "put", description: commands.put.summary },
    args: argsOf("put"),
    async run({ args: parsed }) {
      const settings = createSettings(toValues(parsed), readEnvironment());
      refuseOperands(operands);
      finish(await untilInterrupted((signal) => put(operands, settings, signal)));
    },
  });
}

// --- internal ---

function refuseOperands(files: readonly string[]): void {
  if (files.length === 0) {
    throw new UsageError("put needs the name of a file, or - for standard input");
  }
  if (files.filter((file) => file === standardInput).length > 1) {
    throw new UsageError("- is given more than once; standard input can be read once");
  }
}

async function put(
  files: readonly string[],
  settings: Settings,
  signal: AbortSignal,
): Promise<number> {
  const token = readClientToken(settings, readEnvironment());
  const remote = await openRemote(settings, limits.commandTransferMsMax, token);
  const total = process.stderr.isTTY ? await totalOf(files) : null;
  const progress = createProgress({
    stream: process.stderr,
    label: "uploading",
    total,
    unit: "bytes",
  });
  let sent = 0;
  const count = (bytes: number): void => {
    sent += bytes;
    progress.update(sent);
  };

  async function work(file: string): Promise<Outcome> {
    const source = await openSource(file, signal);
    try {
      const client = remote.connect(createCountingSend(count));
      const { hash, size, created, url } = await client.upload(source.blob, { signal });
      const place = url === null ? {} : { url };
      return {
        text: `${hash}  ${toPrintable(file)}`,
        json: { key: hash, size, created, ...place },
      };
    } finally {
      await source.close();
    }
  }

  const isJson = settings.isOn("json");
  return await runErrand({ operands: files, name: "file", isJson, progress, signal, work });
}

/** The bytes of all files; null when one does not tell. */
async function totalOf(files: readonly string[]): Promise<number | null> {
  let total = 0;
  for (const file of files) {
    const size = await sizeOf(file);
    if (size === null) return null;
    total += size;
  }
  return total;
}

/** Sends blobs as streams whose bytes are counted; those of a failed attempt are taken back. */
function createCountingSend(count: (bytes: number) => void): Send {
  let sent = 0;
  return (url, init) => {
    const { body } = init;
    if (!(body instanceof Blob)) return fetch(url, init);
    count(-sent);
    sent = 0;
    const counted = new TransformStream<Uint8Array, Uint8Array>({
      transform(piece, controller) {
        sent += piece.length;
        count(piece.length);
        controller.enqueue(piece);
      },
    });
    const headers = new Headers(init.headers);
    headers.set("Content-Length", String(body.size));
    // A stream cannot be sent again to where a redirect leads.
    const redirect = "manual";
    return fetch(url, { ...init, body: body.stream().pipeThrough(counted), headers, redirect });
  };
}
