import { createConnection, createServer, type Server, type Socket } from "node:net";
import { createCommitWatch, type CommitWatch } from "./commit-watch.ts";
import type { Random } from "../../support/random.ts";

/** What a proxy does to what passes through it. */
export type Weather =
  | { readonly kind: "fair" }
  /** Every piece, either way, comes so many ms later. */
  | { readonly kind: "slow"; readonly msMin: number; readonly msMax: number }
  /** Nothing gets through, either way; with `forgets`, never again on open connections. */
  | { readonly kind: "dark"; readonly forgets: boolean }
  /** A connection is reset after at most so many bytes. */
  | { readonly kind: "frail"; readonly bytesMax: number }
  /** A connection is reset as it commits: before the server hears of it, or just after. */
  | { readonly kind: "commits lost"; readonly oneIn: number };

/** A proxy before a server of this machine. */
export interface FaultProxy {
  readonly port: number;
  /** How many connections it has broken off. */
  broken(): number;
  /** How many are open. */
  connections(): number;
  change(weather: Weather): void;
  /** New connections go to this port. */
  aim(port: number): void;
  /** Resets all connections. */
  cutAll(): void;
  /** Whoever connects is refused by the system. */
  close(): void;
  /** Listens again, on the same port. */
  open(): Promise<void>;
  stop(): void;
}

export const fair: Weather = { kind: "fair" };

/** Starts one before a port of 127.0.0.1. */
export async function startFaultProxy(target: number, random: Random): Promise<FaultProxy> {
  let aimed = target;
  let weather: Weather = fair;
  let changed = Promise.withResolvers<void>();
  let broken = 0;
  const pairs = new Set<Pair>();

  function cut(pair: Pair): void {
    if (!pairs.delete(pair)) return;
    broken += 1;
    pair.client.resetAndDestroy();
    pair.server.resetAndDestroy();
  }

  /** Resolves once bytes may go on; false: never. */
  async function passage(pair: Pair, way: Way, bytes: Buffer): Promise<boolean> {
    const commits = way === "to server" && pair.watch.sees(bytes);
    while (weather.kind === "dark" && !pair.isForgotten) await changed.promise;
    if (pair.isForgotten) return false;
    if (pair.isDoomed) return false; // the server has done it, and nobody hears of it
    if (weather.kind === "frail") {
      pair.bytesLeft ??= random.between(1, weather.bytesMax);
      pair.bytesLeft -= bytes.length;
      if (pair.bytesLeft < 0) cut(pair);
    }
    if (commits && weather.kind === "commits lost" && random.between(1, weather.oneIn) === 1) {
      if (random.next() < 0.5) cut(pair);
      else doom(pair);
    }
    return pairs.has(pair);
  }

  function doom(pair: Pair): void {
    pair.isDoomed = true;
    setTimeout(cut, doomedMs, pair);
  }

  /** Passes on what one side says, in order; a delay holds up nothing but what it delays. */
  function forward(pair: Pair, way: Way): void {
    const [from, to] =
      way === "to server" ? [pair.client, pair.server] : [pair.server, pair.client];
    let waitingBytes = 0;
    let last: Promise<void> = Promise.resolve();

    async function pass(bytes: Buffer, due: Promise<void> | null): Promise<void> {
      if (due !== null) await due;
      if ((await passage(pair, way, bytes)) && !to.write(bytes)) await drained(to);
      waitingBytes -= bytes.length;
      if (waitingBytes <= waitingBytesMax) from.resume();
    }

    from.on("data", (bytes: Buffer) => {
      const due =
        weather.kind === "slow" ? Bun.sleep(random.between(weather.msMin, weather.msMax)) : null;
      waitingBytes += bytes.length;
      if (waitingBytes > waitingBytesMax) from.pause();
      last = last.then(() => pass(bytes, due));
    });
    from.on("error", () => {}); // its close follows
    from.on("close", () => void last.then(() => part(pair, way)));
  }

  /** One side has gone. In the dark the other hears of it later, or never. */
  async function part(pair: Pair, way: Way): Promise<void> {
    while (weather.kind === "dark" && !pair.isForgotten) await changed.promise;
    if (pair.isForgotten && way === "to client") return;
    pairs.delete(pair);
    // A server that has been forgotten finds out by itself some day.
    if (way === "to server") pair.server.end();
    else pair.client.end();
  }

  function accept(client: Socket): void {
    const server = createConnection({ host: "127.0.0.1", port: aimed, noDelay: true });
    const isForgotten = weather.kind === "dark" && weather.forgets;
    const watch = createCommitWatch();
    const pair: Pair = { client, server, watch, isForgotten, isDoomed: false, bytesLeft: null };
    pairs.add(pair);
    client.setNoDelay(true);
    forward(pair, "to server");
    forward(pair, "to client");
  }

  let listener: Server = await listen(0, accept);
  const address = listener.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;

  function cutAll(): void {
    for (const pair of pairs) cut(pair);
  }

  function close(): void {
    listener.close();
    cutAll();
  }

  return {
    port,
    broken: () => broken,
    connections: () => pairs.size,
    change(next) {
      weather = next;
      for (const pair of pairs) {
        pair.bytesLeft = null;
        if (next.kind === "dark" && next.forgets) pair.isForgotten = true;
      }
      changed.resolve();
      changed = Promise.withResolvers<void>();
    },
    aim(next) {
      aimed = next;
    },
    cutAll,
    close,
    async open() {
      listener = await listen(port, accept);
    },
    stop() {
      // Whoever waits in the dark goes on once, and finds that it is over.
      weather = fair;
      changed.resolve();
      close();
    },
  };
}

// --- internal ---

type Way = "to server" | "to client";

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  readonly watch: CommitWatch;
  /** It was open in the dark: nothing passes any more, and nobody is told. */
  isForgotten: boolean;
  /** What the server says is dropped until it is cut. */
  isDoomed: boolean;
  /** What may still pass before it breaks; null: not drawn yet. */
  bytesLeft: number | null;
}

/** Long enough for the server to commit. */
const doomedMs = 30;

/** What may be on its way on one side of a connection. */
const waitingBytesMax = 4 * 1024 * 1024;

/** Resolves once a socket takes more, or nothing any more. */
function drained(socket: Socket): Promise<void> {
  if (socket.destroyed) return Promise.resolve(); // its close has been
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = (): void => {
    socket.off("drain", done);
    socket.off("close", done);
    resolve();
  };
  socket.on("drain", done);
  socket.on("close", done);
  return promise;
}

async function listen(port: number, accept: (client: Socket) => void): Promise<Server> {
  for (let attempt = 1; ; attempt += 1) {
    const server = createServer({ pauseOnConnect: false }, accept);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
    try {
      await promise;
      return server;
    } catch (error) {
      if (attempt === 50) throw error;
      await Bun.sleep(100);
    }
  }
}
