import { expect } from "bun:test";
import { checkAftermath } from "./aftermath.ts";
import { ask } from "./client.ts";
import { createJudge, type Allowance, type Judge } from "./judge.ts";
import type { Audit } from "./ledger.ts";
import { startLoad } from "./load.ts";
import type { Node } from "./node.ts";
import type { AnyScene, Scene } from "./scene.ts";
import { untilRecovered } from "./recovery.ts";
import { record, type Row } from "./table.ts";

/** Something that goes wrong, for a while. */
export interface Fault {
  readonly allows: Allowance;
  /** Brings it about. */
  begin(): Promise<void> | void;
  /** Waits while it lasts. */
  last(): Promise<void>;
  /** Takes it away; what the registry does after that, it does by itself. */
  end(): Promise<void> | void;
  /** What the table shall tell besides. */
  note?(audit: Audit): string;
}

/**
 * Drives a scene under load into a fault and out of it again; looks at what is left; keeps a row
 * for the table. Fails when anything was lost, wrong, late, half stored, or did not recover.
 */
export async function drive(scene: AnyScene, fault: Fault): Promise<Row> {
  const judge = createJudge(scene);
  const load = startLoad(scene, judge);
  let recoveredMs: number | null;
  try {
    await load.acknowledged(60, warmMsMax);
    await load.warm(warmMsMax);
    await Bun.sleep(300);
    judge.begin(fault.allows);
    recoveredMs = await goThrough(scene, fault, judge);
    judge.end();
    if (recoveredMs !== null) await load.acknowledged(20, warmMsMax);
  } finally {
    await load.stop();
  }
  const memoryBytes = Math.max(...scene.nodes.map((node) => node.memoryBytes()));
  const [first] = scene.nodes;
  if (first === undefined) throw new Error("a scene has a registry");
  const aftermath = await checkAftermath(scene);
  // The registries have been started anew: what is read now is what is stored.
  const audit = await scene.ledger.audit(first.api);
  const row: Row = {
    fault: scene.name,
    requests: scene.tally.requests(),
    answers: Object.fromEntries(scene.tally.outcomes),
    acknowledged: scene.ledger.acknowledged.length,
    lost: audit.lost.length,
    wrong: scene.tally.complaintCount() + audit.wrong.length + aftermath.length,
    longestMs: scene.tally.longestMs(),
    recoveredMs,
    memoryBytes,
    ...(fault.note === undefined ? {} : { note: fault.note(audit) }),
  };
  record(row);
  expect({
    lost: judge.mayLose() ? [] : audit.lost.slice(0, 10),
    otherBytes: audit.wrong.slice(0, 10),
    complaints: scene.tally.complaints,
    aftermath,
    isRecovered: recoveredMs !== null,
    isMemorySane: memoryBytes < memoryBytesMax,
  }).toEqual({
    lost: [],
    otherBytes: [],
    complaints: [],
    aftermath: [],
    isRecovered: true,
    isMemorySane: true,
  });
  return row;
}

// --- internal ---

/** The cache, and room for all that is under way. */
const memoryBytesMax = 500 * 1024 * 1024;
const warmMsMax = 10_000;

/** From the beginning of a fault until it is over; gives how long the recovery took, in ms. */
async function goThrough(scene: AnyScene, fault: Fault, judge: Judge): Promise<number | null> {
  await fault.begin();
  judge.holds();
  const readiness = watchReadiness(scene);
  try {
    await fault.last();
  } finally {
    const wasUnready = await readiness.stop();
    if (fault.allows.isUnready === true && !wasUnready) {
      scene.tally.complain("/readyz did not tell that the database is out");
    }
  }
  judge.fades();
  await fault.end();
  return await untilRecovered(scene);
}

/** Asks /readyz again and again; tells whether it ever said that the database is out. */
function watchReadiness({ nodes, tally }: Scene) {
  const state = { isOver: false, wasUnready: false };

  async function watch(node: Node): Promise<void> {
    while (!state.isOver) {
      const { status, bytes } = await ask({ url: `${node.url}/readyz`, deadlineMs: readyMsMax });
      if (status === 503) {
        const text = new TextDecoder().decode(bytes ?? undefined);
        if (text.includes('"database":{"status":"unavailable"')) state.wasUnready = true;
        else tally.complain(`/readyz told ${text}`);
      }
      if (status === "hung") tally.complain(`/readyz gave no answer within ${readyMsMax} ms`);
      await Bun.sleep(100);
    }
  }

  const watching = nodes.map(watch);
  return {
    async stop(): Promise<boolean> {
      state.isOver = true;
      await Promise.all(watching);
      return state.wasUnready;
    },
  };
}

const readyMsMax = 4000;
