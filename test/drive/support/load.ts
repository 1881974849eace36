import { bytesEqual, type Bytes } from "../../../src/domain/bytes.ts";
import { uploaderBody } from "../../support/form.ts";
import { ask, type Outcome } from "./client.ts";
import type { Judge } from "./judge.ts";
import type { Entry } from "./ledger.ts";
import type { Node } from "./node.ts";
import type { Scene } from "./scene.ts";

/** Clients of many kinds, at work until they are stopped. */
export interface Load {
  /** Resolves once so many uploads more have been acknowledged. Complains when it takes longer. */
  acknowledged(count: number, msMax: number): Promise<void>;
  /** Resolves once some blobs are at hand, from the cache. Complains when it takes longer. */
  warm(msMax: number): Promise<void>;
  /** Resolves once all have had their last answer. */
  stop(): Promise<void>;
}

/** Clients of a scene, one after the other, each kind as often as it is named. */
export function startLoad(scene: Scene, judge: Judge): Load {
  const client = createClient(scene, judge);
  const state = { isOver: false };

  async function keepOn(kind: Kind): Promise<void> {
    const { act, pauseMs } = kinds[kind];
    while (!state.isOver) {
      await act(client);
      await Bun.sleep(pauseMs);
    }
  }

  /** Gives up after a while, and complains that there were not these. */
  async function until(reached: () => boolean, what: string, msMax: number): Promise<void> {
    const late = performance.now() + msMax;
    while (!reached() && performance.now() < late) await Bun.sleep(5);
    if (reached()) return;
    scene.tally.complain(`there were not ${what} in ${msMax} ms: nobody was served`);
  }

  const working = workers.map(keepOn);
  return {
    async warm(msMax) {
      await until(() => client.isWarm(), "blobs at hand", msMax);
    },
    async acknowledged(count, msMax) {
      const { acknowledged } = scene.ledger;
      const total = acknowledged.length + count;
      await until(() => acknowledged.length >= total, `${count} uploads`, msMax);
    },
    async stop() {
      state.isOver = true;
      await Promise.all(working);
    },
  };
}

// --- internal ---

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;
const smallBytesMax = 64 * kibibyte;

type Client = ReturnType<typeof createClient>;
type Kind = keyof typeof kinds;

/** What clients do, and how long each pauses after it. */
const kinds = {
  "small POST": { act: ({ post, size }) => post(size(200, 4 * kibibyte)), pauseMs: 4 },
  "small PUT": { act: ({ put, size }) => put(size(1, 40 * kibibyte)), pauseMs: 8 },
  "medium PUT": { act: ({ put, size }) => put(size(100_000, 2 * mebibyte)), pauseMs: 60 },
  "large POST": { act: ({ post, size }) => post(size(3 * mebibyte, 8 * mebibyte)), pauseMs: 150 },
  "stream of 64 MiB": { act: ({ put }) => put(64 * mebibyte), pauseMs: 1500 },
  "known blob": { act: ({ repeat }) => repeat(), pauseMs: 20 },
  read: { act: ({ read }) => read(64), pauseMs: 3 },
  "read by a node": { act: ({ read }) => read(32), pauseMs: 5 },
  "cached read": { act: ({ readCached }) => readCached(), pauseMs: 5 },
  range: { act: ({ readRange }) => readRange(), pauseMs: 10 },
  HEAD: { act: ({ head }) => head(), pauseMs: 10 },
  exists: { act: ({ exists }) => exists(), pauseMs: 25 },
  "absent key": { act: ({ readAbsent }) => readAbsent(), pauseMs: 15 },
} as const satisfies Record<string, { act(client: Client): Promise<unknown>; pauseMs: number }>;

const twice: readonly Kind[] = ["small POST", "small PUT", "read", "read by a node"];
const workers: readonly Kind[] = [...(Object.keys(kinds) as Kind[]), ...twice];

function createClient(scene: Scene, judge: Judge) {
  const { ledger, tally } = scene;
  const random = scene.random.fork("load");
  /** Small blobs that were read a few times before any fault. */
  let hot: readonly Entry[] = [];

  function node(): Node {
    return random.pick(scene.nodes);
  }

  const size = (min: number, max: number): number => random.between(min, max);

  async function send(entry: Entry, request: Omit<Parameters<typeof ask>[0], "deadlineMs">) {
    const deadlineMs = judge.deadlineMs(entry.size);
    const outcome = await ask({ ...request, deadlineMs });
    const right = request.method === "PUT" ? [200, 201] : [200];
    const isRight = judge.hear({ what: "upload", right, bytes: entry.size }, outcome);
    if (isRight) ledger.acknowledge(entry);
    else ledger.doubt(entry);
    if (isRight && !textOf(outcome).includes(`"${entry.key}"`)) {
      tally.complain(`an upload of ${entry.key} was answered ${textOf(outcome)}`);
    }
  }

  async function post(bytes: number): Promise<void> {
    const { entry, data } = ledger.create(bytes);
    const { contentType, body } = uploaderBody(data);
    const headers = { "Content-Type": contentType };
    await send(entry, { method: "POST", url: node().api, headers, body });
  }

  async function put(bytes: number): Promise<void> {
    const { entry, data } = ledger.create(bytes);
    // Half of the long ones do not tell how long they are.
    const isChunked = bytes > 2 * mebibyte && random.next() < 0.5;
    const body = isChunked ? streamOf(data) : data;
    await send(entry, { method: "PUT", url: `${node().api}/${entry.key}`, body });
  }

  async function repeat(): Promise<void> {
    const entry = ledger.pick(random, (found) => found.size < 8 * mebibyte);
    if (entry === null) return;
    const body = ledger.bytesOf(entry);
    await send(entry, { method: "PUT", url: `${node().api}/${entry.key}`, body });
  }

  function compare(entry: Entry, { bytes, status }: Outcome, part: readonly [number, number]) {
    if (bytes === null) return;
    const whole = ledger.bytesOf(entry);
    if (bytesEqual(bytes, whole.subarray(...part))) return;
    tally.complain(`${status} to a read of ${entry.key}, with other bytes`);
  }

  async function readEntry(entry: Entry, digits: number, what: "read" | "cached read") {
    const url = `${node().api}/${entry.key.slice(0, digits)}`;
    const outcome = await ask({ url, deadlineMs: judge.deadlineMs(entry.size) });
    const isRight = judge.hear({ what, right: [200], bytes: entry.size }, outcome);
    if (isRight) compare(entry, outcome, [0, entry.size]);
  }

  async function read(digits: number): Promise<void> {
    const bytesMax = random.next() < 0.02 ? 64 * mebibyte : smallBytesMax;
    const entry = ledger.pick(random, (found) => found.size <= bytesMax);
    if (entry !== null) await readEntry(entry, digits, "read");
  }

  async function readCached(): Promise<void> {
    if (hot.length === 0) {
      const small = ledger.acknowledged.filter((entry) => entry.size <= 4 * kibibyte);
      if (small.length < 5) return;
      const chosen = small.slice(0, 5);
      for (const { api } of scene.nodes) {
        for (const { key } of [...chosen, ...chosen, ...chosen]) {
          const { status } = await ask({ url: `${api}/${key}`, deadlineMs: judge.deadlineMs(0) });
          if (status !== 200) return;
        }
      }
      hot = chosen;
    }
    await readEntry(random.pick(hot), random.pick([32, 64]), "cached read");
  }

  async function readRange(): Promise<void> {
    const entry = ledger.pick(random);
    if (entry === null) return;
    const first = random.between(0, entry.size - 1);
    const end = Math.min(entry.size, first + random.between(1, 100_000));
    const headers = { Range: `bytes=${first}-${end - 1}` };
    const deadlineMs = judge.deadlineMs(0);
    const outcome = await ask({ url: `${node().api}/${entry.key}`, headers, deadlineMs });
    const isRight = judge.hear({ what: "read", right: [206], bytes: end - first }, outcome);
    if (isRight) compare(entry, outcome, [first, end]);
  }

  async function head(): Promise<void> {
    const entry = ledger.pick(random);
    if (entry === null) return;
    const url = `${node().api}/${entry.key}`;
    const outcome = await ask({ url, method: "HEAD", deadlineMs: judge.deadlineMs(0) });
    // A problem document has no body here; its type tells.
    const isProblem = outcome.headers.get("content-type")?.includes("problem") === true;
    const bytes = isProblem ? problemOfHead : outcome.bytes;
    const isRight = judge.hear({ what: "read", right: [200], bytes: 0 }, { ...outcome, bytes });
    const length = Number(outcome.headers.get("content-length"));
    if (isRight && length !== entry.size) tally.complain(`HEAD of ${entry.key} told ${length}`);
  }

  async function exists(): Promise<void> {
    const known = [ledger.pick(random), ledger.pick(random), ledger.pick(random)];
    const keys = known.flatMap((entry) => (entry === null ? [] : [entry.key]));
    const hashes = keys.flatMap((key) => [key, key.slice(0, 32)]);
    const unknown = absentKey();
    const outcome = await ask({
      url: `${node().api}/exists`,
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ hashes: [...hashes, unknown] }),
      deadlineMs: judge.deadlineMs(0),
    });
    const isRight = judge.hear({ what: "absent key", right: [200], bytes: 0 }, outcome);
    if (isRight && !judge.mayLose() && textOf(outcome) !== JSON.stringify({ missing: [unknown] })) {
      tally.complain(`exists: ${textOf(outcome)}, and ${unknown} alone is missing`);
    }
  }

  function absentKey(): string {
    return Array.from({ length: 64 }, () => random.between(0, 15).toString(16)).join("");
  }

  async function readAbsent(): Promise<void> {
    const url = `${node().api}/${absentKey().slice(0, random.pick([32, 64]))}`;
    const outcome = await ask({ url, deadlineMs: judge.deadlineMs(0) });
    judge.hear({ what: "absent key", right: [404], bytes: 0 }, outcome);
  }

  const isWarm = (): boolean => hot.length > 0;

  return { isWarm, size, post, put, repeat, read, readCached, readRange, head, exists, readAbsent };
}

const problemOfHead: Bytes = new TextEncoder().encode('{"code":"to HEAD"}');

function streamOf(data: Bytes): ReadableStream<Bytes> {
  let sent = 0;
  return new ReadableStream<Bytes>({
    pull(controller) {
      const end = Math.min(data.length, sent + 256 * kibibyte);
      controller.enqueue(data.subarray(sent, end));
      sent = end;
      if (sent === data.length) controller.close();
    },
  });
}

function textOf({ bytes }: Outcome): string {
  return new TextDecoder().decode(bytes ?? undefined);
}
