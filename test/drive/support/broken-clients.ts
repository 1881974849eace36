import { toHex, type Bytes } from "../../../src/domain/bytes.ts";
import { hashing } from "../../support/blobs.ts";
import { connectRaw, type RawConnection } from "../../support/raw-http.ts";
import { chunked, headOf, postOf, putOf } from "../../support/raw-upload.ts";
import { concatBytes } from "../../support/form.ts";
import { ask } from "./client.ts";
import type { Random } from "../../support/random.ts";
import type { AnyScene } from "./scene.ts";

/** Clients whose connections break. */
export interface BrokenClients {
  /** Stops them; gives what they saw that must not be, a line each. */
  stop(): Promise<readonly string[]>;
  /** How many uploads they broke off. */
  count(): number;
}

/**
 * Clients that begin uploads of all sizes and break them off after any byte of head or body: by
 * a reset, by closing their half, or by silence for a while and then a reset. What they sent of
 * a blob must not be found as a blob.
 */
export function startBrokenClients(scene: AnyScene, clientCount: number): BrokenClients {
  const complaints: string[] = [];
  const parts: string[] = [];
  const state = { isOver: false };
  let count = 0;

  async function keepOn(random: Random): Promise<void> {
    while (!state.isOver) {
      await breakOne(random);
      count += 1;
      await Bun.sleep(10);
    }
  }

  async function breakOne(random: Random): Promise<void> {
    const node = random.pick(scene.nodes);
    const size = random.pick([random.between(300, 40_000), random.between(1e5, 2e6), 5_000_000]);
    const { entry, data } = scene.ledger.create(size);
    const upload = random.pick([postOf, putOf])(data);
    const framing = random.pick(["chunked", upload.body.length] as const);
    const body = framing === "chunked" ? chunked(upload.body) : upload.body;
    const whole = concatBytes(headOf(upload, framing), body);
    const cutAt = random.between(1, whole.length - 1);
    scene.ledger.doubt(entry);
    // A form that ends early holds this much of its blob.
    if (upload.method === "POST") parts.push(toHex(hashing.hash(data.slice(0, cutAt >> 1))));
    const connection = await connectRaw(Number(new URL(node.url).port));
    await breakOff(connection, whole.subarray(0, cutAt), random);
  }

  const clients = Array.from({ length: clientCount }, (_, n) =>
    keepOn(scene.random.fork(`broken client ${n}`)),
  );
  return {
    count: () => count,
    async stop() {
      state.isOver = true;
      await Promise.all(clients);
      return [...complaints, ...(await partsThere(scene, parts))];
    },
  };
}

// --- internal ---

const answerMsMax = 2000;

async function breakOff(connection: RawConnection, bytes: Bytes, random: Random): Promise<void> {
  // The registry may have answered and closed before all is sent.
  const isSent = connection.send(bytes).catch(() => {});
  await Promise.race([isSent, connection.ended]);
  const way = random.pick(["reset", "half-close", "silence"] as const);
  if (way === "half-close") {
    connection.halfClose();
    await Promise.race([connection.ended, Bun.sleep(answerMsMax)]);
  }
  if (way === "silence") await Bun.sleep(random.between(10, 500));
  connection.destroy();
}

async function partsThere({ nodes: [node] }: AnyScene, parts: readonly string[]) {
  const found: string[] = [];
  for (const key of parts) {
    const { status } = await ask({ url: `${node?.api}/${key}`, deadlineMs: 10_000 });
    if (status !== 404) found.push(`${key}, a part of a blob, was answered ${status}`);
  }
  return found;
}
