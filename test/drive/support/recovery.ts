import { ask } from "./client.ts";
import type { Node } from "./node.ts";
import type { AnyScene } from "./scene.ts";

/**
 * Resolves once an upload, a read and /readyz of every registry work, with how many ms that took;
 * null when it takes too long.
 */
export async function untilRecovered(scene: AnyScene): Promise<number | null> {
  const since = performance.now();
  while (performance.now() - since < recoverMsMax) {
    const working = await Promise.all(scene.nodes.map((node) => works(scene, node)));
    if (working.every(Boolean)) return performance.now() - since;
    await Bun.sleep(50);
  }
  return null;
}

// --- internal ---

const recoverMsMax = 8000;
/** Of one request; longer than any may take. */
const requestMsMax = 10_000;

async function works({ ledger }: AnyScene, node: Node): Promise<boolean> {
  const { entry, data } = ledger.create(300);
  const url = `${node.api}/${entry.key}`;
  const upload = await ask({ url, method: "PUT", body: data, deadlineMs: requestMsMax });
  if (upload.status !== 201 && upload.status !== 200) {
    ledger.doubt(entry);
    return false;
  }
  ledger.acknowledge(entry);
  const read = await ask({ url, deadlineMs: requestMsMax });
  const ready = await ask({ url: `${node.url}/readyz`, deadlineMs: requestMsMax });
  return read.status === 200 && ready.status === 200;
}
